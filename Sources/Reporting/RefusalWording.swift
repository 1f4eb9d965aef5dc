/// Why a file was not read, in the words of those who ask the exporter for it again; the message of the diagnostic,
/// with its particulars, stands behind it.
enum RefusalWording {
  /// nil: a code that no file is refused with.
  static func text(_ code: String) -> String? { texts[code] }

  /// Of a batch that has nothing that could have been refused.
  static let noClaimFile = "文件夹里没有结算数据文件"

  // Documentation/diagnostics.md, "Files"; a test compares.
  static let texts = [
    "intake.unreadable": "文件或文件夹无法读取",
    "intake.changed": "读取过程中文件被改动",
    "intake.empty-file": "空文件，连表头都没有",
    "intake.truncated": "压缩数据没有结尾，文件被截断",
    "intake.bad-crc": "解压后的校验值不符，文件已损坏",
    "intake.corrupt": "压缩数据已损坏",
    "intake.trailing-bytes": "压缩数据之后还有多余内容",
    "intake.bomb": "解压后超出允许的大小",
    "intake.unsafe-name": "压缩包内的文件名指向包外",
    "intake.encrypted": "压缩包有密码",
    "intake.method": "压缩方式不支持",
    "intake.charset": "字符编码无法识别",
    "intake.no-converter": "本机缺少该字符编码的转换模块",
    "intake.no-table": "看不出是哪张表",
    "intake.other-table": "文件名与表头不是同一张表",
    "intake.no-header": "没有表头，字段又与约定次序不符",
    "intake.missing-column": "缺少必需的列",
    "intake.duplicate-column": "同一列出现两次",
    "intake.cr-only": "换行符只有回车",
    "intake.nested": "压缩包里还有压缩包",
    "intake.missing-file": "delivery.csv 列出的文件没有送达",
    "intake.delivery-differs": "行数或金额与 delivery.csv 不符",
    "intake.delivery": "delivery.csv 本身有误",
    "store.trimmed-batch": "批次已按保留期清理，更正后的文件不再读取",
    "csv.bad-row": "有的行字段数不符或引号未闭合",
  ]
}

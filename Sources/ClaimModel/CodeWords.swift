extension CodeLists {
  /// What a code of a claim or registry column says, in Chinese; nil where the list has no words or the code is
  /// not in it. Words, not translations of a decision: nothing is judged by them.
  public static func word(_ code: String, column: String) -> String? {
    if let known = words[list(of: column)]?[code] { return known }
    return isFlag(column) ? ["0": "否", "1": "是"][code] : nil
  }

  /// Whether the codes of a column have words.
  public static func hasWords(_ column: String) -> Bool { isFlag(column) || words[list(of: column)] != nil }

  private static func list(of column: String) -> String {
    switch column {
    case "visit_med_type": "med_type"
    case "lmt_val": "visit_class"
    default: column
    }
  }

  private static func isFlag(_ column: String) -> Bool {
    column.hasSuffix("_flag") && column != "hosp_appr_flag"
  }

  /// Column → code → word.
  private static let words: [String: [String: String]] = [
    "visit_class": [
      "inpatient": "住院", "outpatient": "门诊", "pharmacy": "药店", "emergency": "急诊", "other": "其他",
      // Values of lmt_val under insutype.
      "work_injury": "工伤", "maternity": "生育",
    ],
    "lmt_type": ["hosp_lv": "限机构级别", "visit": "限就医方式", "insutype": "限险种"],
    "med_type": [
      "11": "普通门诊", "12": "门诊挂号", "13": "急诊", "1301": "急诊抢救", "14": "门诊慢特病", "140101": "门诊大病",
      "140104": "门诊慢病", "140201": "门诊特病", "1403": "两病门诊", "1404": "两病门诊", "15": "特药", "16": "中医特色门诊",
      "18": "特药购药", "21": "普通住院", "2105": "按床日住院", "22": "外伤住院", "23": "转外诊治住院", "24": "急诊转住院",
      "25": "异地住院", "26": "单病种住院", "27": "自主就医", "28": "日间手术", "41": "定点药店购药", "51": "生育门诊",
      "52": "生育住院", "61": "照护", "71": "家庭病床", "81": "意外伤害门诊", "9901": "两病", "9929": "药店购慢特病药",
      "9940": "意外伤害住院", "99331": "血液透析", "99332": "腹膜透析", "910202": "国谈药门诊",
    ],
    "list_type": [
      "101": "西药中成药", "102": "中药饮片", "103": "自制剂", "104": "民族药", "201": "医疗服务项目", "301": "医用耗材",
    ],
    "chrgitm_lv": ["01": "甲类", "02": "乙类", "03": "丙类", "04": "可报丙类（地方）"],
    "med_chrgitm_type": [
      "01": "床位费", "02": "诊察费", "03": "检查费", "04": "化验费", "05": "治疗费", "06": "手术费", "07": "护理费",
      "08": "卫生材料费", "09": "西药费", "10": "中药饮片费", "11": "中成药费", "12": "一般诊疗费", "13": "挂号费", "14": "其他",
    ],
    "insutype": [
      "310": "职工基本医疗保险", "320": "公务员医疗补助", "330": "大额医疗费用补助", "340": "离休人员医疗保障",
      "350": "一至六级残废军人医疗补助", "380": "新型农村合作医疗", "390": "城乡居民基本医疗保险", "410": "工伤保险",
      "510": "生育保险",
    ],
    "gend": ["0": "未知", "1": "男", "2": "女", "9": "未说明"],
    "hosp_lv": [
      "01": "三级特等", "02": "三级甲等", "03": "三级乙等", "04": "三级丙等", "05": "二级甲等", "06": "二级乙等", "07": "二级丙等",
      "08": "一级甲等", "09": "一级乙等", "10": "一级丙等", "11": "无等级", "12": "三级未定等", "13": "二级未定等", "14": "一级未定等",
    ],
    "setl_type": ["1": "中心报销", "2": "联网结算", "3": "医疗救助"],
    "inhosp_stas": ["0": "否", "1": "是"],
    "fixmedins_type": ["1": "定点医疗机构", "2": "定点零售药店"],
    "prac_stas": ["1": "在执业", "2": "暂停", "3": "注销"],
    "medins_kind": [
      "general": "综合医院", "tcm": "中医医院", "maternal": "妇幼保健", "children": "儿童医院", "psychiatric": "精神病医院",
      "stomatology": "口腔医院", "eye": "眼科医院", "oncology": "肿瘤医院", "rehabilitation": "康复医院", "nursing": "护理院",
      "hospice": "安宁疗护", "community": "社区卫生服务", "clinic": "诊所", "chain_pharmacy": "连锁药店",
      "single_pharmacy": "单体药店",
    ],
  ]
}

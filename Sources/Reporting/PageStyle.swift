/// The page's style sheet: one ink, one accent, three verdict colours; screen, phone and A4.
enum PageStyle {
  static let css = """
    :root{--ink:#1c2a32;--ink2:#55656e;--ink3:#86939a;--line:#dde3e5;--line2:#edf1f2;--ground:#f3f5f5;--paper:#fff;
    --accent:#0f5b61;--accent2:#e4efef;--definite:#a5322b;--definite2:#f9e9e7;--suspected:#9a5b00;--suspected2:#fbf1e0;
    --lead:#45637f;--lead2:#e8eef4;--ok:#2b6b47;--ok2:#e4f1e9;
    --sans:"Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei","WenQuanYi Zen Hei",sans-serif;
    --serif:"Noto Serif CJK SC","Source Han Serif SC","Songti SC","SimSun",serif;
    --mono:"Noto Sans Mono CJK SC","DejaVu Sans Mono",Consolas,Menlo,monospace}
    *{box-sizing:border-box}
    html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.65 var(--sans)}
    main{max-width:1180px;margin:0 auto;padding:0 28px 48px}
    a{color:var(--accent);text-underline-offset:3px}
    .masthead{background:var(--accent);color:#fff}
    .masthead .in{max-width:1180px;margin:0 auto;padding:26px 28px 24px;display:flex;gap:20px;align-items:center;
    flex-wrap:wrap}
    .seal{width:58px;height:58px;flex:none}
    .masthead h1{font:700 27px/1.25 var(--serif);margin:0;letter-spacing:.04em}
    .masthead p.sub{margin:3px 0 0;color:#fff;opacity:.86;font-size:14px}
    .masthead dl{margin:0 0 0 auto;display:grid;grid-template-columns:auto auto;gap:1px 14px;font-size:13.5px}
    .masthead dt{opacity:.72}.masthead dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
    nav{background:var(--paper);border-bottom:1px solid var(--line)}
    nav ul{max-width:1180px;margin:0 auto;padding:0 22px;display:flex;flex-wrap:wrap;list-style:none}
    nav a{display:block;padding:9px 10px;font-size:14px;text-decoration:none;color:var(--ink2)}
    nav a:hover{color:var(--accent);box-shadow:inset 0 -2px var(--accent)}
    .banner{margin:20px 0 0;padding:14px 18px;background:var(--definite2);border-left:5px solid var(--definite);
    border-radius:3px}
    .banner h2{all:unset;display:block;font:700 17px/1.5 var(--sans);color:var(--definite)}
    .banner ul{margin:4px 0 0;padding-left:20px}.banner p{margin:4px 0 0}
    .banner.soft{background:var(--suspected2);border-color:var(--suspected)}.banner.soft h2{color:var(--suspected)}
    .tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:14px;margin:20px 0 0}
    .tile{background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:15px 18px 14px}
    .tile h2{margin:0;font:500 13.5px/1.4 var(--sans);color:var(--ink2)}
    .tile .big{font:700 28px/1.3 var(--sans);font-variant-numeric:tabular-nums;letter-spacing:-.01em;
    margin:2px 0 4px;white-space:nowrap}
    .tile .big small{font-size:14px;font-weight:500;color:var(--ink2);margin-left:4px}
    .tile p{margin:0;font-size:13.5px;color:var(--ink2);font-variant-numeric:tabular-nums}
    .tile .chips{display:flex;flex-wrap:wrap;gap:6px}
    .caption{margin:12px 0 0;color:var(--ink2);font-size:13.5px}
    .caption strong{color:var(--ink);font-weight:700}
    section{background:var(--paper);border:1px solid var(--line);border-radius:4px;margin:20px 0 0;padding:22px 26px 24px}
    section>h2{font:700 20px/1.4 var(--serif);margin:0 0 4px;letter-spacing:.02em}
    section>h2 .no{color:var(--accent);margin-right:10px;font-variant-numeric:tabular-nums}
    h3{font:700 15px/1.5 var(--sans);margin:22px 0 6px}
    p{margin:6px 0}.note{color:var(--ink2);font-size:13.5px}
    .two{display:grid;grid-template-columns:1fr 1fr;gap:8px 34px}.two>div{min-width:0}
    .scroll{overflow-x:auto;margin:6px 0 2px}
    table{border-collapse:collapse;width:100%;font-size:13.5px;line-height:1.5}
    th{font-weight:500;color:var(--ink2);text-align:left;white-space:nowrap;padding:7px 10px 6px;
    border-bottom:1.5px solid var(--ink3);vertical-align:bottom}
    td{padding:7px 10px;border-bottom:1px solid var(--line2);vertical-align:top}
    th:first-child,td:first-child{padding-left:2px}th:last-child,td:last-child{padding-right:2px}
    tbody tr:hover{background:#fafbfb}
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
    .c{font-family:var(--mono);font-size:12.5px;overflow-wrap:anywhere}
    tfoot td{font-weight:700;border-bottom:0;border-top:1.5px solid var(--ink3)}
    .sub{color:var(--ink2);font-size:12.5px}.mono{font-family:var(--mono);font-size:12.5px}
    .nowrap{white-space:nowrap}
    .digest{font-family:var(--mono);font-size:11px;color:var(--ink3);overflow-wrap:anywhere;line-height:1.35;display:block}
    .chip{display:inline-block;padding:0 8px;border-radius:3px;font-size:12.5px;line-height:1.65;white-space:nowrap;
    border:1px solid transparent;font-variant-numeric:tabular-nums}
    .chip.definite{background:var(--definite2);color:var(--definite);border-color:#ecc9c5}
    .chip.suspected{background:var(--suspected2);color:var(--suspected);border-color:#efd9b2}
    .chip.lead{background:var(--lead2);color:var(--lead);border-color:#cbd8e4}
    .chip.ok{background:var(--ok2);color:var(--ok);border-color:#c2dfce}
    .chip.plain{background:var(--line2);color:var(--ink2);border-color:var(--line)}
    .bar{display:block;width:100%;min-width:90px;height:9px;margin:6px 0 0}
    td .bar{width:150px;min-width:0}td.n .bar{margin-left:auto;width:120px}.two td.n .bar{width:92px}td:first-child{min-width:9em}
    .bar .track{fill:var(--line2)}.bar .definite{fill:var(--definite)}.bar .suspected{fill:#d39a3c}
    .bar .lead{fill:#7f9ab3}.bar .accent{fill:var(--accent)}.bar .grey{fill:#b4bfc4}
    .balance{margin:16px 0 0;background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:14px 18px}
    .balance .bar{height:14px;margin:0 0 8px}
    .legend{display:flex;flex-wrap:wrap;gap:2px 22px;font-size:13.5px;font-variant-numeric:tabular-nums}
    .key{display:inline-block;width:10px;height:10px;margin-right:6px;border-radius:2px}
    .key.accent{background:var(--accent)}.key.grey{background:#b4bfc4}.key.definite{background:var(--definite)}
    .key.suspected{background:#d39a3c}.key.lead{background:#7f9ab3}
    .counters{display:flex;flex-wrap:wrap;gap:12px 40px;margin:10px 0 4px}
    .counters div{font-size:13.5px;color:var(--ink2)}
    .counters b{display:block;font-size:24px;line-height:1.3;color:var(--ink);font-variant-numeric:tabular-nums}
    details{margin:10px 0 0;border-top:1px solid var(--line2);padding-top:8px}
    summary{cursor:pointer;color:var(--accent);font-weight:500}
    .heat td.n{border-bottom:1px solid #fff}
    .h0{background:#f3cfca}.h1{background:#f8e2c6}.h2{background:#fbf3e2}
    footer{max-width:1180px;margin:0 auto;padding:0 28px 40px;color:var(--ink2);font-size:13px}
    @media (max-width:900px){.tiles{grid-template-columns:1fr 1fr}.two{grid-template-columns:1fr}
    .masthead dl{margin-left:0;width:100%}}
    @media (max-width:520px){main{padding:0 12px 32px}.masthead .in{padding:18px 14px}.masthead h1{font-size:22px}
    .masthead dl{grid-template-columns:4.5em 1fr}
    nav ul{flex-wrap:nowrap;overflow-x:auto;padding:0 4px}nav a{white-space:nowrap}
    .tiles{grid-template-columns:1fr;gap:10px}.tile .big{font-size:25px}section{padding:16px 14px 18px}
    footer{padding:0 14px 28px}th,td{padding-left:7px;padding-right:7px}td .bar,td.n .bar{width:84px}}
    @page{size:A4;margin:14mm 12mm 15mm}
    @media print{body{background:#fff;font-size:9.5pt;line-height:1.5;-webkit-print-color-adjust:exact;
    print-color-adjust:exact}
    nav{display:none}main,.masthead .in,footer{max-width:none;padding-left:0;padding-right:0}
    .masthead{background:#fff;color:var(--ink);border-bottom:2px solid var(--accent)}
    .masthead p.sub{color:var(--ink2)}.seal rect{stroke:var(--accent)}.seal text{fill:var(--accent)}
    .masthead .in{padding:0 0 10px}.masthead dl{width:auto;margin-left:auto;grid-template-columns:auto auto;
    font-size:8.5pt}.masthead h1{font-size:18pt}
    .tiles{grid-template-columns:repeat(4,1fr);gap:8px}.tile{padding:8px 10px}.tile .big{font-size:15pt}
    .tile .big small{font-size:8.5pt}
    section{border:0;padding:0;margin:18px 0 0}section>h2{font-size:13.5pt;border-bottom:1px solid var(--line);
    padding-bottom:3px}
    h2,h3{break-after:avoid}tr,.tile,.balance,.banner{break-inside:avoid}thead{display:table-header-group}
    tfoot{display:table-row-group}
    .scroll{overflow:visible}table{font-size:8pt}th,td{padding:3px 5px}.sub,.c,.mono{font-size:7.5pt}
    .digest{font-size:6.5pt}.chip{font-size:7.5pt;padding:0 4px}.two{grid-template-columns:1fr}
    td .bar,td.n .bar{width:70px}details::details-content{content-visibility:visible;display:block;block-size:auto}
    details>*{display:block}summary{list-style:none;color:var(--ink)}a{color:inherit;text-decoration:none}
    td{overflow-wrap:anywhere}}
    """
}

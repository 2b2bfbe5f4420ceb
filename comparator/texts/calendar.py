"""What can be wrong with a calendar file."""

from stayput.language import Text

CALENDAR_UNWRITTEN_FIX = Text(
    "run this as the user of the data directory, with room on its disk",
    "请以数据目录的所有者身份运行，并确认磁盘有空间",
)
CALENDAR_ABSENT_FIX = Text(
    "add {key}; a calendar file has year, source, holidays and workdays (a list that may be empty)",
    "请补上 {key}；日历文件须有 year、source、holidays 和 workdays（workdays 可为空列表）",
)
CALENDAR_YEAR = Text(
    "{file}, line {line}: {key}: must be a whole number, 2000 to 2999",
    "{file} 第 {line} 行：{key}：应为 2000 至 2999 的整数",
)
CALENDAR_YEAR_FIX = Text("write year = 2027, without quotes", "请写作 year = 2027，不加引号")
CALENDAR_SOURCE = Text(
    "{file}, line {line}: {key}: must be a text of 1 to {most} characters",
    "{file} 第 {line} 行：{key}：应为 1 至 {most} 个字符的文字",
)
CALENDAR_SOURCE_FIX = Text(
    "name the notice of the State Council and its number", "请写明国务院办公厅的通知名称和文号"
)
CALENDAR_LIST = Text(
    "{file}, line {line}: {key}: must be a list of dates", "{file} 第 {line} 行：{key}：应为日期的列表"
)
CALENDAR_DATE = Text(
    "{file}, line {line}: {key}: holds something that is not a date",
    "{file} 第 {line} 行：{key}：含有不是日期的内容",
)
CALENDAR_DATE_FIX = Text(
    "write {key} = [2027-01-01, 2027-01-02], without quotes and without times",
    "请写作 {key} = [2027-01-01, 2027-01-02]，不加引号，不写时刻",
)
CALENDAR_OTHER_YEAR = Text(
    "{file}, line {line}: {key}: holds a date of another year",
    "{file} 第 {line} 行：{key}：含有其他年份的日期",
)
CALENDAR_OTHER_YEAR_FIX = Text(
    "put it into the file of its own year, and load that one too",
    "请将其写入所属年份的文件，并一并载入",
)
CALENDAR_TWICE = Text(
    "{file}, line {line}: {key}: holds a date that was named before",
    "{file} 第 {line} 行：{key}：含有前面已列出的日期",
)
CALENDAR_TWICE_FIX = Text(
    "name each date once, as a holiday or as a make-up day",
    "每个日期只列一次：要么放假，要么上班",
)
CALENDAR_NO_HOLIDAY = Text(
    "{file}, line {line}: {key}: names no day", "{file} 第 {line} 行：{key}：没有列出任何日期"
)
CALENDAR_NO_HOLIDAY_FIX = Text(
    "list every day off that the notice names; without a file the year stays provisional",
    "请列出通知中的全部放假日期；尚无通知时不要载入，该年按暂定日历计算",
)
CALENDAR_NO_WEEKEND = Text(
    "{file}, line {line}: {key}: holds a day that is neither a Saturday nor a Sunday",
    "{file} 第 {line} 行：{key}：含有不是周六、周日的日期",
)
CALENDAR_NO_WEEKEND_FIX = Text(
    "compare it with the notice; a make-up day lies on a weekend, other working days are not listed",
    "请与通知核对；调休上班日都在周末，其他工作日无需列出",
)
CALENDAR_NAME = Text("{file}: describes another year than it is named for", "{file}：内容的年份与文件名不符")
CALENDAR_NAME_FIX = Text(
    "take it away, and load it by `comparator calendar load`",
    "请移走该文件，再用 `comparator calendar load` 载入",
)

<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AgreementDialog</name>
    <message>
        <source>Progress and agreement</source>
        <translation>进度与一致性</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Count again</source>
        <translation>重新统计</translation>
    </message>
    <message>
        <source>Copy as CSV</source>
        <translation>复制为 CSV</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>Counting …</source>
        <translation>正在统计…</translation>
    </message>
    <message>
        <source>{0} tasks, {1} submitted, {2} reviewed · {3} regions, {4} decided</source>
        <translation>{0} 项任务，已提交 {1}，已审核 {2} · {3} 个区域，已确定 {4} 个</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Agreement of two readers</source>
        <translation>两位阅片者之间的一致性</translation>
    </message>
    <message>
        <source>Agreement of two readers: no scan has two submitted readings yet</source>
        <translation>两位阅片者之间的一致性：尚无影像有两份已提交的阅片</translation>
    </message>
    <message>
        <source>Agreement of three or more readers</source>
        <translation>三位及以上阅片者的一致性</translation>
    </message>
    <message>
        <source>Agreement of three or more readers: no scan has three submitted readings yet</source>
        <translation>三位及以上阅片者的一致性：尚无影像有三份已提交的阅片</translation>
    </message>
    <message>
        <source>Time between gestures on regions, and from starting to submitting; a gap of more than five minutes is a pause and does not count. Looking that ends in no gesture is not in it. Time per region: that time over the regions that are there in the end.</source>
        <translation>区域操作之间以及从开始到提交的时间；超过五分钟的间隔视为停顿，不计入。没有产生任何操作的观看也不计入。每个区域用时：上述时间除以最终存在的区域数。</translation>
    </message>
    <message>
        <source>Returned</source>
        <translation>被退回</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>区域</translation>
    </message>
    <message>
        <source>Decided</source>
        <translation>已确定</translation>
    </message>
    <message>
        <source>Reader</source>
        <translation>阅片者</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Time per region</source>
        <translation>每个区域用时</translation>
    </message>
    <message>
        <source>There are no regions to divide the time by</source>
        <translation>没有区域，无法计算每个区域用时</translation>
    </message>
    <message>
        <source>Agreement on names beyond chance, over the regions that both have and have named: -1 to 1, with its 95 % confidence interval. Readings count as they were when they were first submitted.</source>
        <translation>在双方都有且都已命名的区域上，名称超出偶然的一致程度：-1 到 1，附 95% 置信区间。以各份阅片首次提交时的内容为准。</translation>
    </message>
    <message>
        <source>Regions of both that overlap by half or more (IoU 0.5), matched one to one, over all regions</source>
        <translation>双方重叠达一半以上（IoU 0.5）并一一匹配的区域占全部区域的比例</translation>
    </message>
    <message>
        <source>Readers</source>
        <translation>阅片者</translation>
    </message>
    <message>
        <source>Scans</source>
        <translation>影像</translation>
    </message>
    <message>
        <source>Of the first and of the second reader</source>
        <translation>第一和第二阅片者的区域数</translation>
    </message>
    <message>
        <source>Matched</source>
        <translation>匹配</translation>
    </message>
    <message>
        <source>F1 at IoU 0.5</source>
        <translation>F1（IoU 0.5）</translation>
    </message>
    <message>
        <source>Mean IoU</source>
        <translation>平均 IoU</translation>
    </message>
    <message>
        <source>Mean overlap of the matched regions</source>
        <translation>匹配区域的平均重叠度</translation>
    </message>
    <message>
        <source>Cohen&apos;s kappa (95 % CI)</source>
        <translation>Cohen κ（95% CI）</translation>
    </message>
    <message>
        <source>n</source>
        <translation>n</translation>
    </message>
    <message>
        <source>Matched regions that both have named</source>
        <translation>双方都已命名的匹配区域数</translation>
    </message>
    <message>
        <source>Neither has a region</source>
        <translation>双方都没有区域</translation>
    </message>
    <message>
        <source>No regions match</source>
        <translation>没有匹配的区域</translation>
    </message>
    <message>
        <source>Over the regions that all readers have and have named</source>
        <translation>基于所有阅片者都有且都已命名的区域</translation>
    </message>
    <message>
        <source>Fleiss&apos; kappa</source>
        <translation>Fleiss κ</translation>
    </message>
    <message>
        <source>undefined: no region was named by both</source>
        <translation>无定义：没有双方都命名的区域</translation>
    </message>
    <message>
        <source>undefined: both gave all the same name</source>
        <translation>无定义：双方给出的名称全部相同</translation>
    </message>
    <message>
        <source>undefined: no region was named by all</source>
        <translation>无定义：没有所有人都命名的区域</translation>
    </message>
    <message>
        <source>undefined: all gave the same name</source>
        <translation>无定义：所有人给出的名称全部相同</translation>
    </message>
</context>
<context>
    <name>AnswerCard</name>
    <message>
        <source>Right</source>
        <translation>正确</translation>
    </message>
    <message>
        <source>The answer is right</source>
        <translation>这个回答是对的</translation>
    </message>
    <message>
        <source>Wrong</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>The answer is wrong</source>
        <translation>这个回答是错的</translation>
    </message>
    <message>
        <source>Correct …</source>
        <translation>更正…</translation>
    </message>
    <message>
        <source>Write what should have been said</source>
        <translation>写下应当怎样回答</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Keep your text (Ctrl+Enter); Esc gives it up</source>
        <translation>保存您的文字（Ctrl+Enter）；Esc 放弃</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the answer, with its model, to the clipboard</source>
        <translation>把回答连同模型名称复制到剪贴板</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>The very words the model was asked with</source>
        <translation>向模型提问时的原文</translation>
    </message>
    <message>
        <source>Right, says {0}</source>
        <translation>{0} 判为正确</translation>
    </message>
    <message>
        <source>Wrong, says {0}</source>
        <translation>{0} 判为错误</translation>
    </message>
    <message>
        <source>Corrected by {0}:</source>
        <translation>{0} 更正为：</translation>
    </message>
</context>
<context>
    <name>AnswerWords</name>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Grounded report</source>
        <translation>带区域的报告</translation>
    </message>
    <message>
        <source>Diagnosis</source>
        <translation>诊断</translation>
    </message>
    <message>
        <source>Question</source>
        <translation>问答</translation>
    </message>
    <message>
        <source>, </source>
        <translation>、</translation>
    </message>
    <message>
        <source>with the regions it found</source>
        <translation>附模型自己找到的区域</translation>
    </message>
    <message>
        <source>with this slice&apos;s regions</source>
        <translation>附本层的区域</translation>
    </message>
    <message>
        <source>with random regions</source>
        <translation>附随机区域</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>Not sure. The best there is to say:</source>
        <translation>不确定。最可能的回答：</translation>
    </message>
    <message>
        <source>Not written as asked, or cut short: parts may be missing.</source>
        <translation>未按要求书写或被截断：内容可能不全。</translation>
    </message>
    <message>
        <source>{0} was not trained for this: do not rely on what it says.</source>
        <translation>{0} 没有为此训练过：请勿采信它的回答。</translation>
    </message>
    <message>
        <source>Findings</source>
        <translation>影像所见</translation>
    </message>
    <message>
        <source>Impression</source>
        <translation>影像结论</translation>
    </message>
    <message>
        <source>(nothing was said)</source>
        <translation>（没有内容）</translation>
    </message>
    <message>
        <source>By the model {0}</source>
        <translation>由模型 {0} 生成</translation>
    </message>
    <message>
        <source>By {0}, after the model {1}</source>
        <translation>由 {0} 在模型 {1} 的回答上更正</translation>
    </message>
</context>
<context>
    <name>AskPanel</name>
    <message>
        <source>The answer was copied</source>
        <translation>已复制回答</translation>
    </message>
    <message>
        <source>Answers about this slice are kept here.</source>
        <translation>关于本层的回答会保存在这里。</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>提问</translation>
    </message>
    <message>
        <source>Language of the question and the answer (L in the image)</source>
        <translation>提问和回答的语言（在图像中按 L）</translation>
    </message>
</context>
<context>
    <name>AskingModel</name>
    <message>
        <source>You read this scan blind: the model answers once every reader has submitted.</source>
        <translation>您正在盲法阅读此影像：所有阅片者提交后模型才会回答。</translation>
    </message>
    <message>
        <source>this slice is not read yet</source>
        <translation>该层面尚未读取</translation>
    </message>
    <message>
        <source>The model knows none of the names of the label set that it is to choose from</source>
        <translation>模型不认识所用标签集中的任何名称，无法从中选择</translation>
    </message>
    <message>
        <source>{0} (probability of being here: {1})</source>
        <translation>{0}（在此处的概率：{1}）</translation>
    </message>
</context>
<context>
    <name>AssignDialog</name>
    <message>
        <source>Assign</source>
        <translation>分配</translation>
    </message>
    <message>
        <source>Another reader&apos;s name</source>
        <translation>其他阅片者的姓名</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>No reader sees another&apos;s regions until all have submitted; blind readers not the model&apos;s either.</source>
        <translation>所有阅片者提交之前看不到他人的区域；盲法阅片者也看不到模型的区域。</translation>
    </message>
    <message>
        <source>does not read it</source>
        <translation>不阅片</translation>
    </message>
    <message>
        <source>Choose who reads it</source>
        <translation>请选择由谁阅片</translation>
    </message>
</context>
<context>
    <name>AttributesEditor</name>
    <message>
        <source>About this region</source>
        <translation>区域属性</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>侧别</translation>
    </message>
    <message>
        <source>Certainty</source>
        <translation>把握程度</translation>
    </message>
    <message>
        <source>Severity</source>
        <translation>严重程度</translation>
    </message>
    <message>
        <source>Remark …</source>
        <translation>备注…</translation>
    </message>
</context>
<context>
    <name>BrowserFilter</name>
    <message>
        <source>Search patients, studies, scans</source>
        <translation>搜索患者、检查、影像</translation>
    </message>
    <message>
        <source>Search as you type (Ctrl+F)</source>
        <translation>边输入边搜索（Ctrl+F）</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>New</source>
        <translation>未开始</translation>
    </message>
    <message>
        <source>In progress</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>Needs review</source>
        <translation>待复核</translation>
    </message>
    <message>
        <source>Date</source>
        <translation>日期</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>最近7天</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>最近30天</translation>
    </message>
    <message>
        <source>Last year</source>
        <translation>最近一年</translation>
    </message>
    <message>
        <source>From … to …</source>
        <translation>指定日期范围…</translation>
    </message>
    <message>
        <source>Modality</source>
        <translation>检查类型</translation>
    </message>
    <message>
        <source>List one kind of scan only</source>
        <translation>只列出一种检查类型</translation>
    </message>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>List scans with one status only</source>
        <translation>只列出某一状态的影像</translation>
    </message>
    <message>
        <source>List scans of some days only</source>
        <translation>只列出某段日期的影像</translation>
    </message>
    <message>
        <source>The first day</source>
        <translation>起始日期</translation>
    </message>
    <message>
        <source>The last day</source>
        <translation>结束日期</translation>
    </message>
    <message>
        <source>en</source>
        <comment>The calendar&apos;s language, as a locale&apos;s name</comment>
        <translation>zh_CN</translation>
    </message>
    <message>
        <source>Show patient names</source>
        <translation>显示患者姓名</translation>
    </message>
    <message>
        <source>Hide patient names</source>
        <translation>隐藏患者姓名</translation>
    </message>
</context>
<context>
    <name>BrowserModel</name>
    <message>
        <source>None of these files is a scan that can be read</source>
        <translation>这些文件中没有可读取的影像</translation>
    </message>
</context>
<context>
    <name>BrowserPanel</name>
    <message>
        <source>No scan matches</source>
        <translation>没有符合条件的影像</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>工作列表</translation>
    </message>
    <message>
        <source>{0} of {1}</source>
        <translation>{0} / {1}</translation>
    </message>
    <message>
        <source>&lt;b&gt;Drop files or folders here&lt;/b&gt;&lt;br&gt;&lt;br&gt;or add them below.&lt;br&gt;&lt;br&gt;DICOM, DICOMDIR, zip archives, NIfTI, NRRD, MetaImage and pictures</source>
        <translation>&lt;b&gt;将文件或文件夹拖放到此处&lt;/b&gt;&lt;br&gt;&lt;br&gt;或在下方添加。&lt;br&gt;&lt;br&gt;支持 DICOM、DICOMDIR、zip 压缩包、NIfTI、NRRD、MetaImage 和图片</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Assign …</source>
        <translation>分配…</translation>
    </message>
    <message>
        <source>Collapse</source>
        <translation>收起</translation>
    </message>
    <message>
        <source>Expand</source>
        <translation>展开</translation>
    </message>
    <message>
        <source>Assign {0} scans …</source>
        <translation>分配 {0} 组影像…</translation>
    </message>
    <message>
        <source>Mark as done</source>
        <translation>标记为已完成</translation>
    </message>
    <message>
        <source>Mark for review</source>
        <translation>标记为待复核</translation>
    </message>
    <message>
        <source>Mark as in progress</source>
        <translation>标记为进行中</translation>
    </message>
    <message>
        <source>Mark as new</source>
        <translation>标记为未开始</translation>
    </message>
    <message>
        <source>Empty the search and all filters</source>
        <translation>清空搜索和所有筛选条件</translation>
    </message>
    <message>
        <source>Show the folder</source>
        <translation>打开所在文件夹</translation>
    </message>
    <message>
        <source>Remove from the list</source>
        <translation>从列表中移除</translation>
    </message>
    <message>
        <source>Looking for scans …</source>
        <translation>正在查找影像…</translation>
    </message>
    <message>
        <source>Show all scans</source>
        <translation>显示全部影像</translation>
    </message>
    <message>
        <source>Add scans …</source>
        <translation>添加影像…</translation>
    </message>
    <message>
        <source>Files or a folder; they can also be dropped on the window</source>
        <translation>添加文件或文件夹；也可直接拖放到窗口中</translation>
    </message>
    <message>
        <source>Files …</source>
        <translation>文件…</translation>
    </message>
    <message>
        <source>Folder …</source>
        <translation>文件夹…</translation>
    </message>
    <message>
        <source>Back to the usual order</source>
        <translation>恢复平常的顺序</translation>
    </message>
</context>
<context>
    <name>BrowserTree</name>
    <message>
        <source>Series {0}</source>
        <translation>序列 {0}</translation>
    </message>
    <message>
        <source>new</source>
        <translation>未开始</translation>
    </message>
    <message>
        <source>in progress</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>needs review</source>
        <translation>待复核</translation>
    </message>
    <message>
        <source>Study without a date</source>
        <translation>无日期的检查</translation>
    </message>
    <message>
        <source>Recent</source>
        <translation>最近打开</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>工作列表</translation>
    </message>
    <message>
        <source>Patient {0}</source>
        <translation>患者 {0}</translation>
    </message>
    <message>
        <source>No name · {0}</source>
        <translation>无姓名 · {0}</translation>
    </message>
    <message>
        <source>{0} slices</source>
        <translation>{0} 层</translation>
    </message>
    <message>
        <source>1 scan</source>
        <translation>1 组影像</translation>
    </message>
    <message>
        <source>{0} scans</source>
        <translation>{0} 组影像</translation>
    </message>
    <message>
        <source>files missing</source>
        <translation>文件缺失</translation>
    </message>
    <message>
        <source>you read it blind</source>
        <translation>您盲法阅片</translation>
    </message>
    <message>
        <source>{0} decided</source>
        <translation>已定 {0}</translation>
    </message>
    <message>
        <source>{0} open</source>
        <translation>待定 {0}</translation>
    </message>
    <message>
        <source>To label next</source>
        <translation>接下来标注</translation>
    </message>
</context>
<context>
    <name>BundlesModel</name>
    <message>
        <source>It ended without a result.</source>
        <translation>已结束，但没有结果。</translation>
    </message>
</context>
<context>
    <name>ChangeLabelDialog</name>
    <message>
        <source>Change a label everywhere</source>
        <translation>整套影像更改标签</translation>
    </message>
    <message>
        <source>Regions of this scan named {1}: {0}</source>
        <translation>此影像中标为“{1}”的区域：{0} 个</translation>
    </message>
    <message>
        <source>locked, and stay as they are: {0}</source>
        <translation>已锁定、保持不变：{0} 个</translation>
    </message>
    <message>
        <source>Change all {0}</source>
        <translation>全部更改（{0} 个）</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>New name for all of them:</source>
        <translation>统一改为：</translation>
    </message>
</context>
<context>
    <name>Crash</name>
    <message>
        <source>Something unexpected happened. What you decided so far is kept.</source>
        <translation>发生了意外错误。您已作出的决定均已保存。</translation>
    </message>
    <message>
        <source>Details are in {0}</source>
        <translation>详情见 {0}</translation>
    </message>
</context>
<context>
    <name>DeviceMenu</name>
    <message>
        <source>Runs on</source>
        <translation>运行于</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>Processor (CPU)</source>
        <translation>处理器（CPU）</translation>
    </message>
    <message>
        <source>NVIDIA GPU</source>
        <translation>NVIDIA GPU</translation>
    </message>
    <message>
        <source>NVIDIA GPU {0}</source>
        <translation>NVIDIA GPU {0}</translation>
    </message>
</context>
<context>
    <name>DropSign</name>
    <message>
        <source>This cannot be added</source>
        <translation>无法添加</translation>
    </message>
    <message>
        <source>Drop to add to the worklist</source>
        <translation>松开鼠标即可添加到工作列表</translation>
    </message>
    <message>
        <source>Drop to add {0} files or folders to the worklist</source>
        <translation>松开鼠标即可将 {0} 个文件或文件夹添加到工作列表</translation>
    </message>
    <message>
        <source>DICOM files and folders, DICOMDIR, zip archives, NIfTI, NRRD, MetaImage and pictures. They stay where they are.</source>
        <translation>支持 DICOM 文件和文件夹、DICOMDIR、zip 压缩包、NIfTI、NRRD、MetaImage 和图片。文件保留在原处，不会移动。</translation>
    </message>
    <message>
        <source>Left out because they are not on this computer: {0}</source>
        <translation>因不在本机而未添加：{0} 项</translation>
    </message>
    <message>
        <source>Only files and folders on this computer can be added. Save it to a folder, and drop it again.</source>
        <translation>只能添加本机上的文件和文件夹。请先将其保存到本机文件夹，再拖放进来。</translation>
    </message>
</context>
<context>
    <name>EngineMessages</name>
    <message>
        <source>Not found on this slice: {0}</source>
        <translation>此层面未找到：{0}</translation>
    </message>
    <message>
        <source>The model&apos;s answer names no place: nothing was found</source>
        <translation>模型的回答没有给出位置：什么也没找到</translation>
    </message>
    <message>
        <source>Asking the model …</source>
        <translation>正在询问模型…</translation>
    </message>
    <message>
        <source>No answer. {0}</source>
        <translation>没有答复。{0}</translation>
    </message>
    <message>
        <source>{0} was not trained for this: do not rely on what it says.</source>
        <translation>{0} 没有为此训练过：请勿采信它的回答。</translation>
    </message>
    <message>
        <source>The model is ready, on the GPU</source>
        <translation>模型已就绪，在 GPU 上运行</translation>
    </message>
    <message>
        <source>The model is ready, {0} of {1} layers on the GPU</source>
        <translation>模型已就绪，{1} 层中有 {0} 层在 GPU 上</translation>
    </message>
    <message>
        <source>The GPU has too little free memory for {0} of {1} layers of the model: fewer are tried.</source>
        <translation>GPU 空闲显存不足，放不下模型 {1} 层中的 {0} 层：正在尝试更少的层。</translation>
    </message>
    <message>
        <source>the engine was built for the processor alone; make run CUDA=1 builds it for NVIDIA GPUs</source>
        <translation>推理引擎仅为处理器编译；make run CUDA=1 可为 NVIDIA GPU 编译</translation>
    </message>
    <message>
        <source>there is no NVIDIA driver</source>
        <translation>没有 NVIDIA 驱动程序</translation>
    </message>
    <message>
        <source>the NVIDIA driver shows no GPU that can be used; medrega doctor says more</source>
        <translation>NVIDIA 驱动程序没有提供可用的 GPU；medrega doctor 会给出更多信息</translation>
    </message>
    <message>
        <source>the GPU has too little free memory</source>
        <translation>GPU 空闲显存不足</translation>
    </message>
    <message>
        <source>The model runs on the processor: {0}.</source>
        <translation>模型在处理器上运行：{0}。</translation>
    </message>
    <message>
        <source>Loading the model …</source>
        <translation>正在加载模型…</translation>
    </message>
    <message>
        <source>The model is ready</source>
        <translation>模型已就绪</translation>
    </message>
    <message>
        <source>The model process stopped ({0}). It was started again, and the question is asked again.</source>
        <translation>模型进程已停止（{0}），现已重新启动，并再次提问。</translation>
    </message>
    <message>
        <source>The model process failed: {0}</source>
        <translation>模型进程出错：{0}</translation>
    </message>
</context>
<context>
    <name>FindAllBox</name>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>All slices</source>
        <translation>所有层面</translation>
    </message>
    <message>
        <source>{0} of {1} slices, {2} found</source>
        <translation>已查 {0} / {1} 层，找到 {2} 个</translation>
    </message>
    <message>
        <source>about {0} s left</source>
        <translation>约剩 {0} 秒</translation>
    </message>
    <message>
        <source>about {0} min left</source>
        <translation>约剩 {0} 分钟</translation>
    </message>
    <message>
        <source>This slice ({0})</source>
        <translation>本层面（{0}）</translation>
    </message>
    <message>
        <source>All slices ({0})</source>
        <translation>所有层面（{0}）</translation>
    </message>
    <message>
        <source>Next uncertain ({0})</source>
        <translation>下一个不确定的（{0}）</translation>
    </message>
    <message>
        <source>Names …</source>
        <translation>名称…</translation>
    </message>
    <message>
        <source>Choose what to look for</source>
        <translation>选择要查找的名称</translation>
    </message>
    <message>
        <source>Look for these names on every slice, in the background; your own questions come first</source>
        <translation>在后台逐层查找这些名称；您自己的提问优先</translation>
    </message>
    <message>
        <source>Accept from</source>
        <translation>接受不低于</translation>
    </message>
    <message>
        <source>Accept what the model is at least this sure of</source>
        <translation>接受模型把握不低于此值的建议</translation>
    </message>
    <message>
        <source>Turn to what the model is least sure of in the whole scan (. or Ctrl+Tab)</source>
        <translation>转到整个扫描中模型最没把握的建议（. 或 Ctrl+Tab）</translation>
    </message>
</context>
<context>
    <name>GateConfusion</name>
    <message>
        <source>True name</source>
        <translation>正确名称</translation>
    </message>
    <message>
        <source>What it was called</source>
        <translation>模型所给的名称</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>训练前</translation>
    </message>
    <message>
        <source>After</source>
        <translation>训练后</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>变化</translation>
    </message>
    <message>
        <source>How much oftener it was called so</source>
        <translation>这样命名的次数增加了多少</translation>
    </message>
    <message>
        <source>(other)</source>
        <translation>（其他）</translation>
    </message>
    <message>
        <source>{0} ✓</source>
        <translation>{0} ✓</translation>
    </message>
</context>
<context>
    <name>GateExamples</name>
    <message>
        <source>No held-out answer changed.</source>
        <translation>留出的问题中没有回答发生变化。</translation>
    </message>
    <message>
        <source>{0}: {1} True: {2}. Green is true, orange was said, blue was asked about.</source>
        <translation>{0}：{1} 正确答案：{2}。绿色为正确位置，橙色为模型所答，蓝色为所问区域。</translation>
    </message>
    <message>
        <source>Before ({0}): {1}</source>
        <translation>训练前（{0}）：{1}</translation>
    </message>
    <message>
        <source>After ({0}): {1}</source>
        <translation>训练后（{0}）：{1}</translation>
    </message>
    <message>
        <source>Previous example</source>
        <translation>上一个例子</translation>
    </message>
    <message>
        <source>Next example</source>
        <translation>下一个例子</translation>
    </message>
</context>
<context>
    <name>GateScores</name>
    <message>
        <source>The difference&apos;s 95 % confidence interval, by patients; none of one patient</source>
        <translation>差值的 95 % 置信区间，按患者计算；只有一名患者时没有区间</translation>
    </message>
    <message>
        <source>Task</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Label</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Set</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>n</source>
        <translation>n</translation>
    </message>
    <message>
        <source>Questions</source>
        <translation>问题数</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>训练前</translation>
    </message>
    <message>
        <source>Right names, mean overlap (IoU) of boxes</source>
        <translation>名称正确率，或方框的平均重叠度（IoU）</translation>
    </message>
    <message>
        <source>After</source>
        <translation>训练后</translation>
    </message>
    <message>
        <source>Points</source>
        <translation>百分点</translation>
    </message>
    <message>
        <source>95 %</source>
        <translation>95 %</translation>
    </message>
    <message>
        <source>base test, tokens</source>
        <translation>基础测试（词元）</translation>
    </message>
    <message>
        <source>held out</source>
        <translation>留出</translation>
    </message>
    <message>
        <source>base test</source>
        <translation>基础测试</translation>
    </message>
    <message>
        <source>the model alone</source>
        <translation>不带适配器的模型</translation>
    </message>
    <message>
        <source>Before: on what is held out, {0}; on the base test, the model alone.</source>
        <translation>训练前：留出的修正由“{0}”回答；基础测试由不带适配器的模型回答。</translation>
    </message>
    <message>
        <source>Base test: the share of right tokens when the answer so far is right (teacher-forced), by what the model remembers of its own test; not right names or overlap of boxes.</source>
        <translation>基础测试：在此前的回答都正确时，模型给出正确词元的比例（教师强制），依据模型自带的测试记忆；不是名称正确率，也不是方框的重叠度。</translation>
    </message>
    <message>
        <source>(several)</source>
        <translation>（多个）</translation>
    </message>
    <message>
        <source>(all)</source>
        <translation>（全部）</translation>
    </message>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
</context>
<context>
    <name>HelpMessages</name>
    <message>
        <source>What was found is here already, or was deleted before</source>
        <translation>找到的区域已在此处，或之前已被删除</translation>
    </message>
    <message>
        <source>Nothing waits for a decision</source>
        <translation>没有等待决定的区域</translation>
    </message>
    <message>
        <source>The answer about slice {0} is there</source>
        <translation>关于第 {0} 层的回答已写好</translation>
    </message>
    <message>
        <source>{0} regions found on {1} slices</source>
        <translation>在 {1} 个层面上找到 {0} 个区域</translation>
    </message>
    <message>
        <source>stopped, {0} slices were not looked at</source>
        <translation>已停止，还有 {0} 个层面未查看</translation>
    </message>
</context>
<context>
    <name>IndexingRow</name>
    <message>
        <source>Looking for scans …</source>
        <translation>正在查找影像…</translation>
    </message>
    <message>
        <source>Stopped. The scans found until then are on the list.</source>
        <translation>已停止。此前找到的影像已在列表中。</translation>
    </message>
    <message>
        <source>Files that were left out</source>
        <translation>未添加的文件</translation>
    </message>
    <message>
        <source>1 scan found</source>
        <translation>找到 1 组影像</translation>
    </message>
    <message>
        <source>{0} scans found</source>
        <translation>找到 {0} 组影像</translation>
    </message>
    <message>
        <source>No scans found</source>
        <translation>未找到影像</translation>
    </message>
    <message>
        <source>1 file left out</source>
        <translation>1 个文件未添加</translation>
    </message>
    <message>
        <source>{0} files left out</source>
        <translation>{0} 个文件未添加</translation>
    </message>
    <message>
        <source>{0} of {1} files</source>
        <translation>已处理 {0} / {1} 个文件</translation>
    </message>
    <message>
        <source>Stopping …</source>
        <translation>正在停止…</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop looking for scans; those found so far stay on the list</source>
        <translation>停止查找影像；已找到的保留在列表中</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>Which files were left out, and why</source>
        <translation>哪些文件未添加及其原因</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>KeySheet</name>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Drag</source>
        <translation>拖动</translation>
    </message>
    <message>
        <source>draw a box; the model is asked on release</source>
        <translation>画框；松开鼠标即询问模型</translation>
    </message>
    <message>
        <source>Enter</source>
        <translation>回车</translation>
    </message>
    <message>
        <source>accept the suggestion</source>
        <translation>接受建议</translation>
    </message>
    <message>
        <source>Letters</source>
        <translation>字母键</translation>
    </message>
    <message>
        <source>type another name (Esc first for the other keys)</source>
        <translation>输入其他名称（使用其他按键前先按 Esc）</translation>
    </message>
    <message>
        <source>1 … 9</source>
        <translation>1 … 9</translation>
    </message>
    <message>
        <source>a label&apos;s key: name the region, or take the label in hand</source>
        <translation>标签快捷键：为所选区域命名；未选区域时持有该标签</translation>
    </message>
    <message>
        <source>1 … 9 on the card</source>
        <translation>卡片上的 1 … 9</translation>
    </message>
    <message>
        <source>take the name of that number</source>
        <translation>采用该序号的名称</translation>
    </message>
    <message>
        <source>ask the model again</source>
        <translation>再次询问模型</translation>
    </message>
    <message>
        <source>F5</source>
        <translation>F5</translation>
    </message>
    <message>
        <source>F2</source>
        <translation>F2</translation>
    </message>
    <message>
        <source>name a region anew</source>
        <translation>重新命名区域</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Delete</translation>
    </message>
    <message>
        <source>reject the region; delete the measurement</source>
        <translation>拒绝该区域；删除测量</translation>
    </message>
    <message>
        <source>Tab</source>
        <translation>Tab</translation>
    </message>
    <message>
        <source>next region that waits for a decision</source>
        <translation>下一个待定区域</translation>
    </message>
    <message>
        <source>Esc</source>
        <translation>Esc</translation>
    </message>
    <message>
        <source>give up the box; select nothing; let go of the label in hand</source>
        <translation>放弃画框；取消选择；放下所持标签</translation>
    </message>
    <message>
        <source>F7</source>
        <translation>F7</translation>
    </message>
    <message>
        <source>walk through the list of regions</source>
        <translation>用键盘浏览区域列表</translation>
    </message>
    <message>
        <source>F</source>
        <translation>F</translation>
    </message>
    <message>
        <source>find by name</source>
        <translation>按名称查找</translation>
    </message>
    <message>
        <source>Ctrl+E</source>
        <translation>Ctrl+E</translation>
    </message>
    <message>
        <source>ask about the whole slice; Enter asks, Esc gives up</source>
        <translation>就整层提问；Enter 提问，Esc 放弃</translation>
    </message>
    <message>
        <source>L</source>
        <translation>L</translation>
    </message>
    <message>
        <source>names in English or Chinese</source>
        <translation>名称用英文或中文</translation>
    </message>
    <message>
        <source>Ctrl+Z, Ctrl+Shift+Z</source>
        <translation>Ctrl+Z、Ctrl+Shift+Z</translation>
    </message>
    <message>
        <source>undo, redo</source>
        <translation>撤销、重做</translation>
    </message>
    <message>
        <source>Wheel, ↑ ↓, PgUp, PgDown</source>
        <translation>滚轮、↑ ↓、PgUp、PgDown</translation>
    </message>
    <message>
        <source>Drag, ← → ↑ ↓</source>
        <translation>拖动、← → ↑ ↓</translation>
    </message>
    <message>
        <source>turn; Shift with an arrow: by one degree</source>
        <translation>旋转；按住 Shift 再按方向键：每次一度</translation>
    </message>
    <message>
        <source>Wheel, +, -</source>
        <translation>滚轮、+、-</translation>
    </message>
    <message>
        <source>Double click, 0</source>
        <translation>双击、0</translation>
    </message>
    <message>
        <source>from the front again</source>
        <translation>恢复正面视角</translation>
    </message>
    <message>
        <source>Click, F6</source>
        <translation>单击、F6</translation>
    </message>
    <message>
        <source>give the 3-D view the keys</source>
        <translation>让三维视图接收按键</translation>
    </message>
    <message>
        <source>Ctrl+O</source>
        <translation>Ctrl+O</translation>
    </message>
    <message>
        <source>add files</source>
        <translation>添加文件</translation>
    </message>
    <message>
        <source>Ctrl+Shift+O</source>
        <translation>Ctrl+Shift+O</translation>
    </message>
    <message>
        <source>add a folder</source>
        <translation>添加文件夹</translation>
    </message>
    <message>
        <source>N, P</source>
        <translation>N、P</translation>
    </message>
    <message>
        <source>next, previous scan</source>
        <translation>下一个、上一个影像</translation>
    </message>
    <message>
        <source>Ctrl+Shift+L</source>
        <translation>Ctrl+Shift+L</translation>
    </message>
    <message>
        <source>train the model on corrections</source>
        <translation>用修正训练模型</translation>
    </message>
    <message>
        <source>3-D view</source>
        <translation>三维视图</translation>
    </message>
    <message>
        <source>Window and scans</source>
        <translation>窗口与影像</translation>
    </message>
    <message>
        <source>Ctrl+F</source>
        <translation>Ctrl+F</translation>
    </message>
    <message>
        <source>search the list of scans</source>
        <translation>搜索影像列表</translation>
    </message>
    <message>
        <source>slices</source>
        <translation>翻层</translation>
    </message>
    <message>
        <source>Home, End</source>
        <translation>Home、End</translation>
    </message>
    <message>
        <source>first, last slice</source>
        <translation>第一层、最后一层</translation>
    </message>
    <message>
        <source>Right-drag</source>
        <translation>右键拖动</translation>
    </message>
    <message>
        <source>window and level</source>
        <translation>调整窗宽窗位</translation>
    </message>
    <message>
        <source>Ctrl+wheel</source>
        <translation>Ctrl+滚轮</translation>
    </message>
    <message>
        <source>zoom</source>
        <translation>缩放</translation>
    </message>
    <message>
        <source>Middle-drag, Space+drag</source>
        <translation>中键拖动、空格+拖动</translation>
    </message>
    <message>
        <source>pan</source>
        <translation>平移</translation>
    </message>
    <message>
        <source>Shift+drag</source>
        <translation>Shift+拖动</translation>
    </message>
    <message>
        <source>crosshair</source>
        <translation>定位十字线</translation>
    </message>
    <message>
        <source>Double click</source>
        <translation>双击</translation>
    </message>
    <message>
        <source>fit; on a title: fill the window</source>
        <translation>适合窗口；双击标题：单视图放大</translation>
    </message>
    <message>
        <source>in the list: open the scan; Esc: back to the image</source>
        <translation>在列表中：打开影像；Esc：回到图像</translation>
    </message>
    <message>
        <source>?, F1</source>
        <translation>?、F1</translation>
    </message>
    <message>
        <source>this sheet</source>
        <translation>本快捷键表</translation>
    </message>
    <message>
        <source>Ctrl+Q</source>
        <translation>Ctrl+Q</translation>
    </message>
    <message>
        <source>quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>区域</translation>
    </message>
    <message>
        <source>Mouse and slices</source>
        <translation>鼠标与层面</translation>
    </message>
</context>
<context>
    <name>KvMenu</name>
    <message>
        <source>Keys and values (KV cache)</source>
        <translation>键值缓存（KV cache）</translation>
    </message>
    <message>
        <source>16 bits (usual)</source>
        <translation>16 位（常用）</translation>
    </message>
    <message>
        <source>8 bits (half the memory)</source>
        <translation>8 位（内存减半）</translation>
    </message>
    <message>
        <source>32 bits (exact, slower)</source>
        <translation>32 位（精确，较慢）</translation>
    </message>
</context>
<context>
    <name>LabelBar</name>
    <message>
        <source>In hand: {0}</source>
        <translation>当前持有：{0}</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Label sets …</source>
        <translation>标签集…</translation>
    </message>
    <message>
        <source>All you draw is named so. Esc lets go.</source>
        <translation>所画区域均以此命名，按 Esc 放下。</translation>
    </message>
    <message>
        <source>Label set for scans of this kind</source>
        <translation>此类影像使用的标签集</translation>
    </message>
</context>
<context>
    <name>LabelSearch</name>
    <message>
        <source>Name in either language, or pinyin …</source>
        <translation>中英文名称或拼音…</translation>
    </message>
</context>
<context>
    <name>LabelSetsDialog</name>
    <message>
        <source>Label sets</source>
        <translation>标签集</translation>
    </message>
    <message>
        <source>Copy to edit</source>
        <translation>复制并编辑</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新建</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Import …</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Export …</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>scans that do not say</source>
        <translation>未注明类型的影像</translation>
    </message>
    <message>
        <source>Use this set</source>
        <translation>使用此标签集</translation>
    </message>
    <message>
        <source>The model names regions from this set alone</source>
        <translation>模型只用此标签集中的名称命名区域</translation>
    </message>
    <message>
        <source>Else it chooses among all the names that it learnt</source>
        <translation>否则从它学过的所有名称中选择</translation>
    </message>
    <message>
        <source>For scans of the kind</source>
        <translation>影像类型</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>(built in)</source>
        <translation>（内置）</translation>
    </message>
    <message>
        <source>Used now: {0}. The model knows {1} of its {2} names.</source>
        <translation>当前使用：{0}。其中 {2} 个名称，模型认识 {1} 个。</translation>
    </message>
    <message>
        <source>Import a label set</source>
        <translation>导入标签集</translation>
    </message>
    <message>
        <source>Export a label set</source>
        <translation>导出标签集</translation>
    </message>
</context>
<context>
    <name>LeftSide</name>
    <message>
        <source>Scans</source>
        <translation>影像</translation>
    </message>
    <message>
        <source>Tasks</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Scans or tasks (Ctrl+T)</source>
        <translation>影像或任务 (Ctrl+T)</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>That was on a scan which is no longer on the list. It is done, but cannot be shown.</source>
        <translation>该操作所在的影像已不在列表中。操作已完成，但无法显示。</translation>
    </message>
    <message>
        <source>A shape on this slice was not finished.</source>
        <translation>此层面上有一个未画完的形状。</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Forget it</source>
        <translation>丢弃</translation>
    </message>
    <message>
        <source>Nothing</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Not opened. {0}</source>
        <translation>未能打开。{0}</translation>
    </message>
    <message>
        <source>Regions with another name now: {0}</source>
        <translation>已更改名称的区域：{0} 个</translation>
    </message>
    <message>
        <source>MedRegA Desktop</source>
        <translation>MedRegA Desktop</translation>
    </message>
    <message>
        <source>Show names to see why.</source>
        <translation>显示姓名后可查看原因。</translation>
    </message>
</context>
<context>
    <name>MaskWork</name>
    <message>
        <source>This slice is not read yet: draw when it is here</source>
        <translation>该层面尚未读取：读取后再绘制</translation>
    </message>
    <message>
        <source>Select a region to erase from</source>
        <translation>请先选择要擦除的区域</translation>
    </message>
    <message>
        <source>Nothing stands out in this box: it stays as it was drawn</source>
        <translation>框内没有明显的结构：保持原样</translation>
    </message>
    <message>
        <source>Click the other region (Esc: leave it)</source>
        <translation>请点击另一个区域（Esc：放弃）</translation>
    </message>
    <message>
        <source>This needs grey values: the picture is in colour</source>
        <translation>此操作需要灰度值：该图像是彩色的</translation>
    </message>
</context>
<context>
    <name>ModelDetail</name>
    <message>
        <source>not stated</source>
        <translation>未说明</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可证</translation>
    </message>
    <message>
        <source>Writes boxes as</source>
        <translation>边界框写法</translation>
    </message>
    <message>
        <source>Hash</source>
        <translation>哈希值</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>This model has no card.</source>
        <translation>这个模型没有说明卡。</translation>
    </message>
    <message>
        <source>Scores</source>
        <translation>评分</translation>
    </message>
    <message>
        <source>none measured</source>
        <translation>没有测得</translation>
    </message>
</context>
<context>
    <name>ModelsDialog</name>
    <message>
        <source>default</source>
        <translation>默认</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>{0} (untrained)</source>
        <translation>{0}（未训练）</translation>
    </message>
    <message>
        <source>This model was not trained for it: do not rely on what it says</source>
        <translation>该模型没有为此训练过：请勿采信它的回答</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Checking {0} …</source>
        <translation>正在校验 {0}…</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>{0}: all files are as its manifest says, and its self-test passed</source>
        <translation>{0}：所有文件与清单一致，自检通过</translation>
    </message>
    <message>
        <source>Really remove?</source>
        <translation>确定移除？</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Verify</source>
        <translation>校验</translation>
    </message>
    <message>
        <source>Make default</source>
        <translation>设为默认</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Answers:</source>
        <translation>负责回答：</translation>
    </message>
    <message>
        <source>Adapter (LoRA):</source>
        <translation>适配器（LoRA）：</translation>
    </message>
    <message>
        <source>Switched without loading the model again</source>
        <translation>切换时不必重新加载模型</translation>
    </message>
    <message>
        <source>What is in this region?</source>
        <translation>这个区域是什么？</translation>
    </message>
    <message>
        <source>Where is this?</source>
        <translation>这个在哪里？</translation>
    </message>
    <message>
        <source>Grounded report</source>
        <translation>带区域的报告</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Free question</source>
        <translation>自由提问</translation>
    </message>
    <message>
        <source>Diagnosis</source>
        <translation>诊断</translation>
    </message>
</context>
<context>
    <name>NoteTexts</name>
    <message>
        <source>{count} files hold an image that another file holds too: one of each is used</source>
        <translation>{count} 个文件与其他文件的图像相同：每幅图像只用一份</translation>
    </message>
    <message>
        <source>{count} slices are missing, such as after {file}: they are shown empty</source>
        <translation>缺少 {count} 个层面，例如在 {file} 之后：这些层面显示为空</translation>
    </message>
    <message>
        <source>{count} slices cannot be read and are shown empty: {reason}</source>
        <translation>{count} 个层面无法读取，显示为空：{reason}</translation>
    </message>
    <message>
        <source>The slices lie unevenly, {least} to {most} mm apart: they are shown one by one only</source>
        <translation>层面间距不均匀（{least} 至 {most} mm）：只能逐层显示</translation>
    </message>
    <message>
        <source>The gantry was tilted by {degrees}°: the other planes are slanted</source>
        <translation>机架倾斜 {degrees}°：其他平面是倾斜的</translation>
    </message>
    <message>
        <source>The series holds {count} stacks of slices, told apart by {by}: this is number {number}</source>
        <translation>该序列含 {count} 组层面，按{by}区分：这是第 {number} 组</translation>
    </message>
    <message>
        <source>The series holds {count} time points, told apart by {by}: this is number {number}</source>
        <translation>该序列含 {count} 个时间点，按{by}区分：这是第 {number} 个</translation>
    </message>
    <message>
        <source>This is a localizer, made to plan other images</source>
        <translation>这是定位像，用于规划其他图像</translation>
    </message>
    <message>
        <source>The files do not say where their slices lie: they are ordered by number</source>
        <translation>文件未说明层面位置：按编号排序</translation>
    </message>
    <message>
        <source>The frames do not form one stack: they are shown one by one, as stored</source>
        <translation>各帧不构成一个堆栈：按存储顺序逐帧显示</translation>
    </message>
    <message>
        <source>{count} pages have another size than the first: they are left out</source>
        <translation>{count} 页的尺寸与第一页不同：已略去</translation>
    </message>
    <message>
        <source>Whole slide at {shown}×: its areas can be opened at up to {best}×</source>
        <translation>整张切片，{shown}×：其中的区域最高可以 {best}× 打开</translation>
    </message>
    <message>
        <source>Whole slide in full resolution</source>
        <translation>整张切片，全分辨率</translation>
    </message>
    <message>
        <source>Area of a slide at {shown}×</source>
        <translation>切片区域，{shown}×</translation>
    </message>
    <message>
        <source>Whole slide, shrunk to 1/{factor}: its areas can be opened in full resolution</source>
        <translation>整张切片，缩小到 1/{factor}：其中的区域可以全分辨率打开</translation>
    </message>
    <message>
        <source>(hidden)</source>
        <translation>（已隐藏）</translation>
    </message>
    <message>
        <source>Area of a slide, shrunk to 1/{factor}</source>
        <translation>切片区域，缩小到 1/{factor}</translation>
    </message>
    <message>
        <source>The slide holds {count} depths or channels: the first one is shown</source>
        <translation>切片含 {count} 个焦平面或通道：显示第一个</translation>
    </message>
    <message>
        <source>{count} of {total} tiles cannot be read and are left empty: {reason}</source>
        <translation>{total} 个图块中有 {count} 个无法读取，留为空白：{reason}</translation>
    </message>
    <message>
        <source>temporal position</source>
        <translation>时间位置</translation>
    </message>
    <message>
        <source>echo</source>
        <translation>回波</translation>
    </message>
    <message>
        <source>echo time</source>
        <translation>回波时间</translation>
    </message>
    <message>
        <source>diffusion b-value</source>
        <translation>弥散 b 值</translation>
    </message>
    <message>
        <source>trigger time</source>
        <translation>触发时间</translation>
    </message>
    <message>
        <source>inversion time</source>
        <translation>反转时间</translation>
    </message>
    <message>
        <source>flip angle</source>
        <translation>翻转角</translation>
    </message>
    <message>
        <source>acquisition</source>
        <translation>采集</translation>
    </message>
    <message>
        <source>image type</source>
        <translation>图像类型</translation>
    </message>
    <message>
        <source>kernel</source>
        <translation>重建核</translation>
    </message>
    <message>
        <source>acquisition time</source>
        <translation>采集时间</translation>
    </message>
    <message>
        <source>size or orientation</source>
        <translation>尺寸或方向</translation>
    </message>
    <message>
        <source>stack</source>
        <translation>堆栈</translation>
    </message>
    <message>
        <source>frame type</source>
        <translation>帧类型</translation>
    </message>
    <message>
        <source>fourth dimension</source>
        <translation>第四维</translation>
    </message>
</context>
<context>
    <name>NoticeBar</name>
    <message>
        <source>Close this notice</source>
        <translation>关闭此通知</translation>
    </message>
</context>
<context>
    <name>PictureTaker</name>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
    <message>
        <source>The view is on the clipboard</source>
        <translation>视图已复制到剪贴板</translation>
    </message>
    <message>
        <source>Save the view as a picture</source>
        <translation>将视图另存为图片</translation>
    </message>
    <message>
        <source>Folder:</source>
        <translation>文件夹：</translation>
    </message>
    <message>
        <source>Kind:</source>
        <translation>类型：</translation>
    </message>
    <message>
        <source>Saved as {0}</source>
        <translation>已保存为 {0}</translation>
    </message>
    <message>
        <source>{0} cannot be written: {1}</source>
        <translation>无法写入 {0}：{1}</translation>
    </message>
</context>
<context>
    <name>QuestionForm</name>
    <message>
        <source>Possible labels, one a line or with commas</source>
        <translation>可能的标签，每行一个或用逗号分隔</translation>
    </message>
    <message>
        <source>Question</source>
        <translation>问答</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Grounded report</source>
        <translation>带区域的报告</translation>
    </message>
    <message>
        <source>Diagnosis</source>
        <translation>诊断</translation>
    </message>
    <message>
        <source>Ask anything about this slice. Enter asks.</source>
        <translation>就本层随意提问，按 Enter 发出。</translation>
    </message>
    <message>
        <source>Options, with commas between them</source>
        <translation>选项，用逗号分隔</translation>
    </message>
    <message>
        <source>What to describe; everything when empty</source>
        <translation>要描述什么；留空则描述全部</translation>
    </message>
    <message>
        <source>The label for none of them, if any</source>
        <translation>表示“都不是”的标签（如有）</translation>
    </message>
    <message>
        <source>Several may hold</source>
        <translation>可同时成立多个</translation>
    </message>
    <message>
        <source>Answer: a word or phrase</source>
        <translation>回答：词或短语</translation>
    </message>
    <message>
        <source>Answer: sentences</source>
        <translation>回答：句子</translation>
    </message>
    <message>
        <source>Answer: yes or no</source>
        <translation>回答：是或否</translation>
    </message>
    <message>
        <source>Answer: one of these options</source>
        <translation>回答：从选项中选一个</translation>
    </message>
    <message>
        <source>Organs</source>
        <translation>器官</translation>
    </message>
    <message>
        <source>Lesions</source>
        <translation>病灶</translation>
    </message>
    <message>
        <source>Chest X-ray</source>
        <translation>胸部X光</translation>
    </message>
    <message>
        <source>These are diseases</source>
        <translation>标签是疾病</translation>
    </message>
    <message>
        <source>These are organs</source>
        <translation>标签是器官</translation>
    </message>
    <message>
        <source>These are tissues</source>
        <translation>标签是组织</translation>
    </message>
    <message>
        <source>Findings and impression of this slice.</source>
        <translation>本层的影像所见和结论。</translation>
    </message>
    <message>
        <source>Each sentence points at its regions, which become suggestions.</source>
        <translation>每句话都指向它的区域，区域成为待判定的建议。</translation>
    </message>
</context>
<context>
    <name>ReaderMenu</name>
    <message>
        <source>Reader</source>
        <translation>阅片者</translation>
    </message>
    <message>
        <source>Add a reader …</source>
        <translation>添加阅片者…</translation>
    </message>
    <message>
        <source>Add a reader</source>
        <translation>添加阅片者</translation>
    </message>
    <message>
        <source>Name under which regions are kept:</source>
        <translation>保存区域时使用的姓名：</translation>
    </message>
</context>
<context>
    <name>Readout</name>
    <message>
        <source>relative</source>
        <translation>相对值</translation>
    </message>
</context>
<context>
    <name>RegionActions</name>
    <message>
        <source>Name …</source>
        <translation>命名…</translation>
    </message>
    <message>
        <source>Change this label everywhere …</source>
        <translation>整套影像更改此标签…</translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation>复制一份</translation>
    </message>
    <message>
        <source>Copy to the next slice</source>
        <translation>复制到下一层面</translation>
    </message>
    <message>
        <source>Copy to the slice before</source>
        <translation>复制到上一层面</translation>
    </message>
    <message>
        <source>Locked</source>
        <translation>锁定</translation>
    </message>
    <message>
        <source>Hidden</source>
        <translation>隐藏</translation>
    </message>
    <message>
        <source>Show all hidden regions</source>
        <translation>显示所有隐藏区域</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Drag a grip</source>
        <translation>拖动手柄</translation>
    </message>
    <message>
        <source>resize; Shift keeps the proportions</source>
        <translation>调整大小；按 Shift 保持比例</translation>
    </message>
    <message>
        <source>Drag the outline</source>
        <translation>拖动轮廓</translation>
    </message>
    <message>
        <source>move (Alt: from anywhere inside)</source>
        <translation>移动（按 Alt 可从内部任意处拖动）</translation>
    </message>
    <message>
        <source>Arrows</source>
        <translation>方向键</translation>
    </message>
    <message>
        <source>move by a pixel, with Shift by ten</source>
        <translation>移动一个像素，按 Shift 移动十个</translation>
    </message>
    <message>
        <source>Double click</source>
        <translation>双击</translation>
    </message>
    <message>
        <source>on an edge: a new corner; in a polygon: finish</source>
        <translation>在边上：增加顶点；画多边形时：完成</translation>
    </message>
    <message>
        <source>Alt+click</source>
        <translation>Alt+单击</translation>
    </message>
    <message>
        <source>on a corner: remove it</source>
        <translation>在顶点上：删除该顶点</translation>
    </message>
    <message>
        <source>Right click</source>
        <translation>右键单击</translation>
    </message>
    <message>
        <source>the region&apos;s menu</source>
        <translation>区域菜单</translation>
    </message>
    <message>
        <source>Edit regions</source>
        <translation>编辑区域</translation>
    </message>
</context>
<context>
    <name>RegionBar</name>
    <message>
        <source>Draw regions</source>
        <translation>绘制区域</translation>
    </message>
    <message>
        <source>Width of the brush in pixels ({ narrower, } wider, or Shift+wheel)</source>
        <translation>画笔宽度（像素；{ 变细，} 变粗，或 Shift+滚轮）</translation>
    </message>
</context>
<context>
    <name>RegionList</name>
    <message>
        <source>unnamed</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>not sure</source>
        <translation>不确定</translation>
    </message>
    <message>
        <source>{0}?</source>
        <translation>{0}？</translation>
    </message>
    <message>
        <source>waits for a name</source>
        <translation>等待命名</translation>
    </message>
    <message>
        <source>followed from another slice</source>
        <translation>由其他层面追踪得到</translation>
    </message>
    <message>
        <source>suggested by the model</source>
        <translation>模型建议</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>已接受</translation>
    </message>
    <message>
        <source>named by {0}</source>
        <translation>由 {0} 命名</translation>
    </message>
    <message>
        <source>changed by {0}</source>
        <translation>{0} 已修改</translation>
    </message>
    <message>
        <source>locked</source>
        <translation>已锁定</translation>
    </message>
    <message>
        <source>hidden</source>
        <translation>已隐藏</translation>
    </message>
    <message>
        <source>turned box</source>
        <translation>旋转框</translation>
    </message>
    <message>
        <source>ellipse</source>
        <translation>椭圆</translation>
    </message>
    <message>
        <source>polygon</source>
        <translation>多边形</translation>
    </message>
    <message>
        <source>outline</source>
        <translation>轮廓</translation>
    </message>
    <message>
        <source>line</source>
        <translation>线</translation>
    </message>
    <message>
        <source>point</source>
        <translation>点</translation>
    </message>
    <message>
        <source>mask</source>
        <translation>掩膜</translation>
    </message>
    <message>
        <source>of {0}</source>
        <translation>{0} 的</translation>
    </message>
    <message>
        <source>asked what it is: {0} {1}</source>
        <translation>问及这是什么：{0} {1}</translation>
    </message>
</context>
<context>
    <name>RegionsFirst</name>
    <message>
        <source>Ask without regions</source>
        <translation>不附区域直接提问</translation>
    </message>
    <message>
        <source>Find regions first, then ask</source>
        <translation>先找区域，再提问</translation>
    </message>
    <message>
        <source>Ask with this slice&apos;s regions</source>
        <translation>附本层的区域提问</translation>
    </message>
    <message>
        <source>Ask with random regions</source>
        <translation>附随机区域提问</translation>
    </message>
    <message>
        <source>Two passes (Regional CoT): regions are written into the question</source>
        <translation>两步提问（区域思维链）：把区域写进问题</translation>
    </message>
    <message>
        <source>Study</source>
        <translation>研究</translation>
    </message>
    <message>
        <source>Also offers random regions, the control of a study</source>
        <translation>另提供随机区域，作为研究的对照</translation>
    </message>
    <message>
        <source>Look for: abnormal regions</source>
        <translation>先找：异常区域</translation>
    </message>
    <message>
        <source>What the first pass looks for; abnormal regions when empty</source>
        <translation>第一步要找什么；留空则找异常区域</translation>
    </message>
    <message>
        <source>seed </source>
        <translation>种子 </translation>
    </message>
    <message>
        <source>The same seed gives the same random regions</source>
        <translation>相同的种子给出相同的随机区域</translation>
    </message>
</context>
<context>
    <name>RegionsModel</name>
    <message>
        <source>This slice is not read yet: draw when it is here</source>
        <translation>该层面尚未读取：读取后再绘制</translation>
    </message>
</context>
<context>
    <name>RegionsPanel</name>
    <message>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>This slice</source>
        <translation>本层面</translation>
    </message>
    <message>
        <source>Regions of this slice</source>
        <translation>此层面的区域</translation>
    </message>
    <message>
        <source>Drag a box on the image: the model says what is in it. Or look for a name above.</source>
        <translation>在图像上拖动画框，模型会说明框内是什么；也可在上方按名称查找。</translation>
    </message>
    <message>
        <source>Not on this slice, says the model: {0}</source>
        <translation>模型说本层没有：{0}</translation>
    </message>
    <message>
        <source>Name …</source>
        <translation>名称…</translation>
    </message>
</context>
<context>
    <name>RightSide</name>
    <message>
        <source>Regions</source>
        <translation>区域</translation>
    </message>
    <message>
        <source>Ask and report</source>
        <translation>提问与报告</translation>
    </message>
    <message>
        <source>Find, labels, and the regions of this slice</source>
        <translation>查找、标签和本层的区域</translation>
    </message>
    <message>
        <source>Questions about the whole slice, reports, diagnoses (Ctrl+E)</source>
        <translation>就整层提问、写报告、做诊断（Ctrl+E）</translation>
    </message>
</context>
<context>
    <name>SchemeEditor</name>
    <message>
        <source>Colour …</source>
        <translation>颜色…</translation>
    </message>
    <message>
        <source>no key</source>
        <translation>无快捷键</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>English</source>
        <translation>英文</translation>
    </message>
    <message>
        <source>Chinese</source>
        <translation>中文</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Drag, or Alt+↑ Alt+↓, changes the order.</source>
        <translation>拖动或按 Alt+↑ Alt+↓ 调整顺序。</translation>
    </message>
    <message>
        <source>Add a label:</source>
        <translation>添加标签：</translation>
    </message>
    <message>
        <source>{0} is in this set already</source>
        <translation>“{0}”已在此标签集中</translation>
    </message>
</context>
<context>
    <name>ScoreWords</name>
    <message>
        <source>Names regions right</source>
        <translation>区域命名正确率</translation>
    </message>
    <message>
        <source>Overlap of boxes (mean IoU)</source>
        <translation>框的重叠（平均 IoU）</translation>
    </message>
    <message>
        <source>One object, one region (IoU)</source>
        <translation>单目标单区域（IoU）</translation>
    </message>
    <message>
        <source>Calibration error</source>
        <translation>校准误差</translation>
    </message>
    <message>
        <source>Never tested on this name</source>
        <translation>从未测试过此名称</translation>
    </message>
    <message>
        <source>{0}. Patients with such scans in its training: {1}</source>
        <translation>{0}。训练中此类影像的患者数：{1}</translation>
    </message>
    <message>
        <source>In its test: named right {0} of {1}</source>
        <translation>测试中：{1} 次命名正确 {0} 次</translation>
    </message>
    <message>
        <source>In its test: boxes overlap {0} on average, of {1}</source>
        <translation>测试中：{1} 次查找，框平均重叠 {0}</translation>
    </message>
</context>
<context>
    <name>Section</name>
    <message>
        <source>Fold or unfold</source>
        <translation>折叠或展开</translation>
    </message>
</context>
<context>
    <name>SliceAskingModel</name>
    <message>
        <source>There is no slice to ask about</source>
        <translation>没有可以提问的层面</translation>
    </message>
</context>
<context>
    <name>SliceItems</name>
    <message>
        <source>not sure</source>
        <translation>不确定</translation>
    </message>
    <message>
        <source>{0} µm</source>
        <translation>{0} µm</translation>
    </message>
    <message>
        <source>{0} mm</source>
        <translation>{0} mm</translation>
    </message>
    <message>
        <source>{0} px</source>
        <translation>{0} 像素</translation>
    </message>
    <message>
        <source>no grey values</source>
        <translation>无灰度值</translation>
    </message>
    <message>
        <source>{0} mm²</source>
        <translation>{0} mm²</translation>
    </message>
    <message>
        <source>{0} px²</source>
        <translation>{0} 平方像素</translation>
    </message>
    <message>
        <source>{0} µm²</source>
        <translation>{0} µm²</translation>
    </message>
    <message>
        <source>mean {0} ± {1}{2}</source>
        <translation>均值 {0} ± {1}{2}</translation>
    </message>
    <message>
        <source>min {0}  max {1}</source>
        <translation>最小 {0}  最大 {1}</translation>
    </message>
    <message>
        <source>area {0}</source>
        <translation>面积 {0}</translation>
    </message>
</context>
<context>
    <name>SliceView</name>
    <message>
        <source>Not read yet: {0} of {1} slices are here</source>
        <translation>尚未读取：已有 {0} / {1} 个层面</translation>
    </message>
    <message>
        <source>Shown when all slices are read: {0} of {1} are here</source>
        <translation>全部层面读取后显示：已有 {0} / {1} 个</translation>
    </message>
    <message>
        <source>Choose a scan on the left</source>
        <translation>请在左侧选择影像</translation>
    </message>
    <message>
        <source>Choose a scan to compare with in the title above</source>
        <translation>请在上方标题栏中选择用于对比的影像</translation>
    </message>
    <message>
        <source>inverted</source>
        <translation>反色</translation>
    </message>
    <message>
        <source>Slice {0} / {1}</source>
        <translation>层面 {0} / {1}</translation>
    </message>
    <message>
        <source>right</source>
        <translation>右侧</translation>
    </message>
    <message>
        <source>left</source>
        <translation>左侧</translation>
    </message>
    <message>
        <source>both sides</source>
        <translation>双侧</translation>
    </message>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
    <message>
        <source>not linked</source>
        <translation>未联动</translation>
    </message>
    <message>
        <source>linked by position</source>
        <translation>按空间位置联动</translation>
    </message>
    <message>
        <source>linked by distance</source>
        <translation>按层面距离联动</translation>
    </message>
</context>
<context>
    <name>SlideActions</name>
    <message>
        <source>There is nothing of the slide: choose another area</source>
        <translation>此处没有切片内容：请选择其他区域</translation>
    </message>
    <message>
        <source>This area is too large to be seen any finer: choose a smaller one</source>
        <translation>此区域太大，无法看得更细：请选择更小的区域</translation>
    </message>
    <message>
        <source>Not in full resolution, because the area is large</source>
        <translation>区域较大，未以全分辨率打开</translation>
    </message>
    <message>
        <source>Open this area of the slide in full resolution</source>
        <translation>以全分辨率打开切片的此区域</translation>
    </message>
    <message>
        <source>Back to the whole slide</source>
        <translation>返回整张切片</translation>
    </message>
    <message>
        <source>Whole slides</source>
        <translation>整张切片</translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message>
        <source>Cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>Model {0}: cannot be used</source>
        <translation>模型 {0}：无法使用</translation>
    </message>
    <message>
        <source>Model {0} {1} · {2}</source>
        <translation>模型 {0} {1} · {2}</translation>
    </message>
    <message>
        <source>For single tasks: {0}</source>
        <translation>单项任务用：{0}</translation>
    </message>
    <message>
        <source>Reader: {0}</source>
        <translation>阅片者：{0}</translation>
    </message>
    <message>
        <source>Who is at work: regions are kept under this name</source>
        <translation>当前工作者：区域以此姓名保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Read only: a newer version wrote this database</source>
        <translation>只读：此数据库由更新的版本写入</translation>
    </message>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
    <message>
        <source>Language of names and of questions to the model (L)</source>
        <translation>名称和提问所用的语言（L）</translation>
    </message>
</context>
<context>
    <name>StructureActions</name>
    <message>
        <source>From slice</source>
        <translation>从层面</translation>
    </message>
    <message>
        <source>To slice</source>
        <translation>到层面</translation>
    </message>
    <message>
        <source>Smaller than</source>
        <translation>小于</translation>
    </message>
    <message>
        <source> px²</source>
        <translation> 像素²</translation>
    </message>
    <message>
        <source>Pixels (less than 0: shrink)</source>
        <translation>像素（小于 0：收缩）</translation>
    </message>
    <message>
        <source>From</source>
        <translation>从</translation>
    </message>
    <message>
        <source>To</source>
        <translation>到</translation>
    </message>
    <message>
        <source>Interpolate between the drawn slices</source>
        <translation>在已画的层面之间插值</translation>
    </message>
    <message>
        <source>The same on slices …</source>
        <translation>在多个层面上相同…</translation>
    </message>
    <message>
        <source>Follow through the slices</source>
        <translation>逐层追踪</translation>
    </message>
    <message>
        <source>Accept the whole structure</source>
        <translation>接受整个结构</translation>
    </message>
    <message>
        <source>Delete the whole structure</source>
        <translation>删除整个结构</translation>
    </message>
    <message>
        <source>Fit the box to the structure</source>
        <translation>使框贴合结构</translation>
    </message>
    <message>
        <source>Mask of the structure in the box</source>
        <translation>框内结构的掩膜</translation>
    </message>
    <message>
        <source>Make a mask</source>
        <translation>转为掩膜</translation>
    </message>
    <message>
        <source>Fill holes</source>
        <translation>填充空洞</translation>
    </message>
    <message>
        <source>Keep the largest part</source>
        <translation>只保留最大的部分</translation>
    </message>
    <message>
        <source>Remove small parts …</source>
        <translation>去除小的部分…</translation>
    </message>
    <message>
        <source>Smooth the outline</source>
        <translation>平滑轮廓</translation>
    </message>
    <message>
        <source>Grow by a pixel</source>
        <translation>扩大一个像素</translation>
    </message>
    <message>
        <source>Shrink by a pixel</source>
        <translation>收缩一个像素</translation>
    </message>
    <message>
        <source>Grow or shrink …</source>
        <translation>扩大或收缩…</translation>
    </message>
    <message>
        <source>Keep only values …</source>
        <translation>只保留某范围的值…</translation>
    </message>
    <message>
        <source>Unite with the next I click</source>
        <translation>与接下来点击的区域合并</translation>
    </message>
    <message>
        <source>Cut away the next I click</source>
        <translation>减去接下来点击的区域</translation>
    </message>
    <message>
        <source>Keep what it shares with the next I click</source>
        <translation>只保留与接下来点击的区域的交集</translation>
    </message>
    <message>
        <source>Mask</source>
        <translation>掩膜</translation>
    </message>
    <message>
        <source>Tab</source>
        <translation>Tab</translation>
    </message>
    <message>
        <source>the next suggestion of this slice</source>
        <translation>本层面的下一个建议</translation>
    </message>
    <message>
        <source>. or Ctrl+Tab</source>
        <translation>. 或 Ctrl+Tab</translation>
    </message>
    <message>
        <source>the least certain suggestion of the whole scan</source>
        <translation>整个扫描中最不确定的建议</translation>
    </message>
    <message>
        <source>Slices and masks</source>
        <translation>层面与掩膜</translation>
    </message>
    <message>
        <source>Suggestions</source>
        <translation>建议</translation>
    </message>
</context>
<context>
    <name>StructuresModel</name>
    <message>
        <source>{0} voxels on {1} slices</source>
        <translation>{1} 层，{0} 体素</translation>
    </message>
    <message>
        <source>{0} mm³ on {1} slices</source>
        <translation>{1} 层，{0} mm³</translation>
    </message>
    <message>
        <source>{0} ml on {1} slices</source>
        <translation>{1} 层，{0} ml</translation>
    </message>
    <message>
        <source>Draw it on another slice too, with the same name: those between are filled</source>
        <translation>请在另一层面上也画出它并使用相同名称：其间的层面会自动补上</translation>
    </message>
    <message>
        <source>Name the region first: what is found is given its name</source>
        <translation>请先为区域命名：追踪到的区域将使用该名称</translation>
    </message>
    <message>
        <source>Slices are being made already: wait, or cancel it first</source>
        <translation>正在生成层面：请等待，或先取消</translation>
    </message>
    <message>
        <source>The structure was changed meanwhile: nothing was made of how it had been</source>
        <translation>该结构在此期间已被修改：未按原来的样子生成任何内容</translation>
    </message>
    <message>
        <source>There is no slice to add to this structure</source>
        <translation>没有可添加到此结构的层面</translation>
    </message>
    <message>
        <source>{0} slices, to be accepted</source>
        <translation>{0} 个层面，等待接受</translation>
    </message>
    <message>
        <source>{0} slices made</source>
        <translation>已生成 {0} 个层面</translation>
    </message>
</context>
<context>
    <name>SuggestionCard</name>
    <message>
        <source>“{0}” is a name of {1}. ↓ Enter takes that label · Esc back</source>
        <translation>“{0}”已是“{1}”的名称。按 ↓ 再按 Enter 采用该标签 · Esc 返回</translation>
    </message>
    <message>
        <source>English name, if known (Tab)</source>
        <translation>英文名，可不填（Tab）</translation>
    </message>
    <message>
        <source>with the adapter {0}</source>
        <translation>使用适配器 {0}</translation>
    </message>
    <message>
        <source>Asking the model …</source>
        <translation>正在询问模型…</translation>
    </message>
    <message>
        <source>Type a name at any time</source>
        <translation>可随时直接输入名称</translation>
    </message>
    <message>
        <source>Found by {0}</source>
        <translation>由 {0} 找到</translation>
    </message>
    <message>
        <source>Enter accept · type to correct · Delete reject</source>
        <translation>回车接受 · 直接输入更正 · Delete 拒绝</translation>
    </message>
    <message>
        <source>Followed from another slice</source>
        <translation>由其他层面追踪得到</translation>
    </message>
    <message>
        <source>No suggestion</source>
        <translation>没有建议</translation>
    </message>
    <message>
        <source>Blind reading</source>
        <translation>盲法阅片</translation>
    </message>
    <message>
        <source>Type a name · Delete remove</source>
        <translation>输入名称 · Delete 移除</translation>
    </message>
    <message>
        <source>Asked what it is, the model is not sure</source>
        <translation>问及这是什么时，模型不确定</translation>
    </message>
    <message>
        <source>What {0} suggests</source>
        <translation>{0} 的建议</translation>
    </message>
    <message>
        <source>Not sure. Perhaps:</source>
        <translation>不确定。可能是：</translation>
    </message>
    <message>
        <source>Its name so far: {0}</source>
        <translation>目前的名称：{0}</translation>
    </message>
    <message>
        <source>Enter accept · ↑↓ or digit choose · type to correct · Delete reject</source>
        <translation>Enter 接受 · ↑↓ 或数字选择 · 输入以更正 · Delete 拒绝</translation>
    </message>
    <message>
        <source>among {0} names</source>
        <translation>在 {0} 个名称中选择</translation>
    </message>
    <message>
        <source>{0} more · {1}</source>
        <translation>另有 {0} 个 · {1}</translation>
    </message>
    <message>
        <source>Another name</source>
        <translation>其他名称</translation>
    </message>
    <message>
        <source>Chinese name, if known (Tab)</source>
        <translation>中文名，可不填（Tab）</translation>
    </message>
    <message>
        <source>Type a name · F5 ask the model · Delete remove</source>
        <translation>直接输入名称 · F5 询问模型 · Delete 删除</translation>
    </message>
    <message>
        <source>one of the two that are compared</source>
        <translation>正在比较的两者之一</translation>
    </message>
    <message>
        <source>The names are still being read …</source>
        <translation>正在读取名称…</translation>
    </message>
    <message>
        <source>new name</source>
        <translation>新名称</translation>
    </message>
    <message>
        <source>Enter take · ↑↓ choose · Esc back</source>
        <translation>回车采用 · ↑↓ 选择 · Esc 返回</translation>
    </message>
    <message>
        <source>↑↓ choose, or type on · Esc back</source>
        <translation>↑↓ 选择，或继续输入 · Esc 返回</translation>
    </message>
</context>
<context>
    <name>TaskActions</name>
    <message>
        <source>Tasks and scans</source>
        <translation>任务与影像</translation>
    </message>
    <message>
        <source>Assign the open scan …</source>
        <translation>分配当前影像…</translation>
    </message>
    <message>
        <source>Submit and open the next task</source>
        <translation>提交并打开下一任务</translation>
    </message>
    <message>
        <source>Next task without submitting</source>
        <translation>下一任务（不提交）</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>开始</translation>
    </message>
    <message>
        <source>Submit</source>
        <translation>提交</translation>
    </message>
    <message>
        <source>Withdraw</source>
        <translation>撤回</translation>
    </message>
    <message>
        <source>Next task to review</source>
        <translation>下一个待审核任务</translation>
    </message>
    <message>
        <source>Previous task to review</source>
        <translation>上一个待审核任务</translation>
    </message>
    <message>
        <source>Approve</source>
        <translation>通过</translation>
    </message>
    <message>
        <source>Return …</source>
        <translation>退回…</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修改</translation>
    </message>
    <message>
        <source>Other readings</source>
        <translation>其他阅片</translation>
    </message>
    <message>
        <source>Next difference</source>
        <translation>下一处差异</translation>
    </message>
    <message>
        <source>Previous difference</source>
        <translation>上一处差异</translation>
    </message>
    <message>
        <source>Progress and agreement …</source>
        <translation>进度与一致性…</translation>
    </message>
    <message>
        <source>Begin this task; the first region does it too</source>
        <translation>开始此任务；画第一个区域也会开始</translation>
    </message>
    <message>
        <source>Hand in this reading; it stays as it is from then on</source>
        <translation>提交此份阅片；此后不再改变</translation>
    </message>
    <message>
        <source>Take back this task, which nobody has begun</source>
        <translation>收回这项尚无人开始的任务</translation>
    </message>
    <message>
        <source>Find this reading good</source>
        <translation>认可此份阅片</translation>
    </message>
    <message>
        <source>Send this reading back with a comment</source>
        <translation>附意见退回此份阅片</translation>
    </message>
    <message>
        <source>Change the regions of this reading yourself; it stays theirs, each change is yours</source>
        <translation>亲自修改此份阅片的区域；阅片仍归原阅片者，每次修改记在您名下</translation>
    </message>
    <message>
        <source>Show the regions of other readings of this scan too</source>
        <translation>同时显示此影像其他阅片的区域</translation>
    </message>
    <message>
        <source>Tasks and review</source>
        <translation>任务与审核</translation>
    </message>
</context>
<context>
    <name>TaskBar</name>
    <message>
        <source>Your reading</source>
        <translation>您的阅片</translation>
    </message>
    <message>
        <source>{0}&apos;s reading</source>
        <translation>{0} 的阅片</translation>
    </message>
    <message>
        <source>Approved: {0}</source>
        <translation>已通过：{0}</translation>
    </message>
    <message>
        <source>The reviewer says: {0}</source>
        <translation>审核者意见：{0}</translation>
    </message>
    <message>
        <source>Returned before: {0}</source>
        <translation>曾被退回：{0}</translation>
    </message>
    <message>
        <source>Others&apos; regions and the model&apos;s suggestions are shown once every reader has submitted.</source>
        <translation>所有阅片者提交后，才会显示他人的区域和模型的建议。</translation>
    </message>
    <message>
        <source>You change this reading; each change is kept under your name.</source>
        <translation>您正在修改此份阅片；每次修改都记在您名下。</translation>
    </message>
    <message>
        <source>{0} changed</source>
        <translation>修改 {0} 个</translation>
    </message>
    <message>
        <source>{0} added</source>
        <translation>新增 {0} 个</translation>
    </message>
    <message>
        <source>{0} removed</source>
        <translation>删除 {0} 个</translation>
    </message>
    <message>
        <source>The reviewer has fixed regions of yours: {0}</source>
        <translation>审核者修改了您的区域：{0}</translation>
    </message>
    <message>
        <source>What should be done differently?</source>
        <translation>哪里需要改动？</translation>
    </message>
    <message>
        <source>Return</source>
        <translation>退回</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>TaskDesk</name>
    <message>
        <source>{0} is at work</source>
        <translation>当前阅片者：{0}</translation>
    </message>
    <message>
        <source>This is {0}&apos;s reading: choose Fix over the image before you change it</source>
        <translation>这是 {0} 的阅片：修改前请先点击图像上方的“修改”</translation>
    </message>
    <message>
        <source>This is {0}&apos;s reading: you cannot change it</source>
        <translation>这是 {0} 的阅片：您不能修改</translation>
    </message>
    <message>
        <source>{0} scans</source>
        <translation>{0} 组影像</translation>
    </message>
    <message>
        <source>{0} tasks were given out</source>
        <translation>已分配 {0} 项任务</translation>
    </message>
    <message>
        <source>&amp;Tasks</source>
        <translation>任务(&amp;T)</translation>
    </message>
</context>
<context>
    <name>TaskWords</name>
    <message>
        <source>new</source>
        <translation>未开始</translation>
    </message>
    <message>
        <source>labelling</source>
        <translation>标注中</translation>
    </message>
    <message>
        <source>submitted</source>
        <translation>已提交</translation>
    </message>
    <message>
        <source>reviewed</source>
        <translation>已审核</translation>
    </message>
    <message>
        <source>returned with a comment</source>
        <translation>附意见退回</translation>
    </message>
    <message>
        <source>withdrawn</source>
        <translation>已撤回</translation>
    </message>
    <message>
        <source>New</source>
        <translation>未开始</translation>
    </message>
    <message>
        <source>Labelling</source>
        <translation>标注中</translation>
    </message>
    <message>
        <source>Submitted</source>
        <translation>已提交</translation>
    </message>
    <message>
        <source>Reviewed</source>
        <translation>已审核</translation>
    </message>
    <message>
        <source>Returned with a comment</source>
        <translation>附意见退回</translation>
    </message>
    <message>
        <source>Withdrawn</source>
        <translation>已撤回</translation>
    </message>
    <message>
        <source>first reader</source>
        <translation>第一阅片者</translation>
    </message>
    <message>
        <source>second reader, blind</source>
        <translation>第二阅片者，盲法</translation>
    </message>
    <message>
        <source>reader {0}, blind</source>
        <translation>第 {0} 阅片者，盲法</translation>
    </message>
    <message>
        <source>only {0}</source>
        <translation>仅 {0}</translation>
    </message>
    <message>
        <source>other name</source>
        <translation>名称不同</translation>
    </message>
    <message>
        <source>other boundary</source>
        <translation>边界不同</translation>
    </message>
</context>
<context>
    <name>TasksModel</name>
    <message>
        <source>The scan of this task is not on the list any more: add its files again</source>
        <translation>此任务的影像已不在列表中：请重新添加其文件</translation>
    </message>
    <message>
        <source>No other task is left to do</source>
        <translation>没有其他待办任务</translation>
    </message>
    <message>
        <source>No task waits for your review</source>
        <translation>没有等待您审核的任务</translation>
    </message>
    <message>
        <source>There is no task of yours on screen to submit</source>
        <translation>当前画面没有您可提交的任务</translation>
    </message>
    <message>
        <source>{0} of {1} regions have no name yet. Submit again to submit them as they are.</source>
        <translation>{1} 个区域中有 {0} 个尚未命名。再次提交即按现状提交。</translation>
    </message>
</context>
<context>
    <name>TasksPanel</name>
    <message>
        <source>Tasks of {0}</source>
        <translation>{0} 的任务</translation>
    </message>
    <message>
        <source>To review</source>
        <translation>待审核</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>另有 {0} 项</translation>
    </message>
    <message>
        <source>not on the list any more</source>
        <translation>已不在列表中</translation>
    </message>
    <message>
        <source>Differences between {0} · {1}</source>
        <translation>{0} 之间的差异 · {1}</translation>
    </message>
    <message>
        <source>{0} do not differ on this scan</source>
        <translation>{0} 在此影像上没有差异</translation>
    </message>
    <message>
        <source>overlap {0}</source>
        <translation>重叠 {0}</translation>
    </message>
    <message>
        <source>slice {0}</source>
        <translation>第 {0} 层</translation>
    </message>
    <message>
        <source>unnamed</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Withdraw</source>
        <translation>撤回</translation>
    </message>
    <message>
        <source>Next task</source>
        <translation>下一任务</translation>
    </message>
    <message>
        <source>Next to review</source>
        <translation>下一个待审核</translation>
    </message>
    <message>
        <source>No tasks here. To give out a scan, right-click it in the list of scans and choose “Assign …”.</source>
        <translation>这里没有任务。要分配影像，请在影像列表中右键点击它并选择“分配…”。</translation>
    </message>
    <message>
        <source>Tasks</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Differences</source>
        <translation>差异</translation>
    </message>
</context>
<context>
    <name>ThemeMenu</name>
    <message>
        <source>Colours</source>
        <translation>配色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
</context>
<context>
    <name>TrainingAdvice</name>
    <message>
        <source>Of {0} patients {1} are held out to judge by, and fewer than {2} can never show that the model became better.</source>
        <translation>{0} 名患者中有 {1} 名被留出用于评判，少于 {2} 名永远无法说明模型变好了。</translation>
    </message>
    <message>
        <source>{0} names or numbers count as only {1} patients, because their scans have a study UID, a series UID or a picture in common.</source>
        <translation>{0} 个姓名或编号只算作 {1} 名患者，因为其影像有相同的检查 UID、序列 UID 或图像。</translation>
    </message>
    <message>
        <source>Start anew under Corrections with a larger share of “Patients held out”: {0} %, not {1} %.</source>
        <translation>请在“修正”中提高“留出的患者”的比例，重新开始：设为 {0} %，而不是 {1} %。</translation>
    </message>
    <message>
        <source>Regions of more patients help too. “Train all the same” goes on, and nothing will say whether it is better.</source>
        <translation>增加更多患者的区域也有帮助。“仍然训练”会继续，但无法判断是否有所改进。</translation>
    </message>
</context>
<context>
    <name>TrainingBundles</name>
    <message>
        <source>{0} by {1}
{2} regions of {3} patients · {4}</source>
        <translation>{0}，{1}
{3} 名患者的 {2} 个区域 · {4}</translation>
    </message>
    <message>
        <source>No snapshot was taken yet.</source>
        <translation>尚未取过快照。</translation>
    </message>
    <message>
        <source>No adapter was ever used or imported.</source>
        <translation>从未使用或导入过适配器。</translation>
    </message>
    <message>
        <source>Packing …</source>
        <translation>正在打包…</translation>
    </message>
    <message>
        <source>Unpacking …</source>
        <translation>正在解包…</translation>
    </message>
    <message>
        <source>Bundles (*.zip)</source>
        <translation>数据包 (*.zip)</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>{0} snapshots, {1} adapters</source>
        <translation>{0} 个快照、{1} 个适配器</translation>
    </message>
    <message>
        <source>{0} is written: {1}. Tell its hash to whoever gets it, on another way than the file: {2}</source>
        <translation>已写入 {0}：{1}。请通过文件以外的途径，把它的哈希值告诉接收者：{2}</translation>
    </message>
    <message>
        <source>{0} is unpacked: {1}, {2} of them new. Its hash: {3}</source>
        <translation>已解包 {0}：{1}，其中 {2} 个是新的。它的哈希值：{3}</translation>
    </message>
    <message>
        <source>The adapters are listed under “Compare two”, where one can be tried and used, and under “Manage models”.</source>
        <translation>适配器列在“两两比较”中，可在那里试用并启用；也列在“管理模型”中。</translation>
    </message>
    <message>
        <source>One file takes snapshots and adapters to another machine. Names and numbers of patients are looked for, and nothing is written where one is found; words within the pictures are not looked for.</source>
        <translation>用一个文件把快照和适配器带到另一台计算机。会查找其中的患者姓名和编号，一旦发现就不写入任何内容；图片中的文字不会查找。</translation>
    </message>
    <message>
        <source>Snapshots</source>
        <translation>快照</translation>
    </message>
    <message>
        <source>Adapters</source>
        <translation>适配器</translation>
    </message>
    <message>
        <source>Export what is ticked …</source>
        <translation>导出所勾选的…</translation>
    </message>
    <message>
        <source>Import …</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Hash of what is imported</source>
        <translation>导入文件的哈希值</translation>
    </message>
    <message>
        <source>as its maker told you; empty: not checked</source>
        <translation>制作者告知的值；留空则不核对</translation>
    </message>
    <message>
        <source>A file with another hash is refused: somebody may have changed it</source>
        <translation>哈希值不同的文件会被拒绝：可能有人改动过</translation>
    </message>
</context>
<context>
    <name>TrainingCorrections</name>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Label</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Accepted</source>
        <translation>已接受</translation>
    </message>
    <message>
        <source>Corrected</source>
        <translation>已修正</translation>
    </message>
    <message>
        <source>Given another name or place, or drawn by a person</source>
        <translation>改了名称或位置，或由人绘制</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新增</translation>
    </message>
    <message>
        <source>Decided since the last snapshot</source>
        <translation>上次快照之后所作的决定</translation>
    </message>
    <message>
        <source>(without a name)</source>
        <translation>（无名称）</translation>
    </message>
    <message>
        <source>Counting …</source>
        <translation>正在统计…</translation>
    </message>
    <message>
        <source>A training is running: see Trainings.</source>
        <translation>正在进行训练：见“训练记录”。</translation>
    </message>
    <message>
        <source>Nothing passes this filter.</source>
        <translation>没有符合筛选条件的区域。</translation>
    </message>
    <message>
        <source>Nothing is decided yet.</source>
        <translation>还没有作出任何决定。</translation>
    </message>
    <message>
        <source>All of it is of one patient: decide about regions of others too, since some patients are held out to judge by.</source>
        <translation>所有决定都来自同一名患者：请对其他患者的区域也作出决定，因为需要留出部分患者用于评判。</translation>
    </message>
    <message>
        <source>each folder is a patient ({0})</source>
        <translation>每个文件夹是一名患者（{0}）</translation>
    </message>
    <message>
        <source>each scan is a patient ({0})</source>
        <translation>每个影像是一名患者（{0}）</translation>
    </message>
    <message>
        <source>The scans name no patient and lie in one folder, which counts as one patient: nothing can be held out to judge by. Where each scan is of another patient, choose that above.</source>
        <translation>这些影像没有患者信息，又在同一个文件夹中，因而算作一名患者：没有可留出用于评判的内容。如果每个影像属于不同的患者，请在上方选择。</translation>
    </message>
    <message>
        <source>What is frozen never changes. Some patients are held out to judge by, and what comes of it is used only when you say so.</source>
        <translation>冻结的内容不再改变。部分患者会被留出用于评判；训练结果只有在您同意后才会启用。</translation>
    </message>
    <message>
        <source>Ask for less above.</source>
        <translation>请放宽上方的筛选条件。</translation>
    </message>
    <message>
        <source>{0} accepted and {1} corrected regions in {2} scans of {3} patients</source>
        <translation>{3} 名患者的 {2} 个影像中有 {0} 个已接受、{1} 个已修正的区域</translation>
    </message>
    <message>
        <source>{0} of them since the last snapshot of {1}</source>
        <translation>其中 {0} 个是上次快照（{1}）之后的</translation>
    </message>
    <message>
        <source>no snapshot was taken yet</source>
        <translation>尚未取过快照</translation>
    </message>
    <message>
        <source>Draw a box on a scan, and the model suggests a name: Enter accepts it, typing gives another one, Delete rejects it. Whatever you accept or correct is counted here, and the model can learn from it. Do so with scans of several patients: some are held out to see whether it became better.</source>
        <translation>在影像上画一个框，模型会建议名称：按回车接受，输入文字另行命名，按 Delete 拒绝。您接受或修正的内容会统计在这里，模型可以从中学习。请在多名患者的影像上这样做：其中部分会被留出，用来判断是否有所改进。</translation>
    </message>
    <message>
        <source>Annotator</source>
        <translation>标注者</translation>
    </message>
    <message>
        <source>Modality</source>
        <translation>模态</translation>
    </message>
    <message>
        <source>Only approved by a reviewer</source>
        <translation>仅限审核者已批准的</translation>
    </message>
    <message>
        <source>Decided from</source>
        <translation>决定日期从</translation>
    </message>
    <message>
        <source>to</source>
        <translation>到</translation>
    </message>
    <message>
        <source>Days of this place, both included. Decisions are kept by the day in UTC: some hours of a neighbouring day may come along, and none of these days is left out.</source>
        <translation>按本地日期，首尾两天都包括在内。决定按 UTC 日期保存：可能会带上相邻一天的几个小时，但不会遗漏所选的任何一天。</translation>
    </message>
    <message>
        <source>en</source>
        <comment>The calendar&apos;s language, as a locale&apos;s name</comment>
        <translation>zh_CN</translation>
    </message>
    <message>
        <source>Patients held out</source>
        <translation>留出的患者</translation>
    </message>
    <message>
        <source>Steps at most</source>
        <translation>最多步数</translation>
    </message>
    <message>
        <source>as many as it takes</source>
        <translation>按需要</translation>
    </message>
    <message>
        <source>Mixed in against forgetting</source>
        <translation>混入以防遗忘</translation>
    </message>
    <message>
        <source>Tested for forgetting</source>
        <translation>用于检测遗忘</translation>
    </message>
    <message>
        <source>Files such as NIfTI and PNG do not say whose they are. A patient is never on both sides: what is held out must be of others than what is learnt from.

Each folder is a patient: right where every patient has a folder. Files of many patients in one folder count as one patient, and nothing can be held out.

Each scan is a patient: right where every file is of another patient. Where a patient has several files, some may be learnt from and others judged by: the result then looks better than it is.</source>
        <translation>NIfTI、PNG 等文件不说明属于哪名患者。同一名患者绝不会同时出现在两边：留出的必须是所学内容以外的患者。

每个文件夹是一名患者：适用于每名患者各有一个文件夹的情况。许多患者的文件在同一个文件夹中时只算一名患者，没有可留出的内容。

每个影像是一名患者：适用于每个文件属于不同患者的情况。如果一名患者有多个文件，其中一些可能用于学习，另一些用于评判：结果会显得比实际更好。</translation>
    </message>
    <message>
        <source>the model&apos;s own, else phantoms</source>
        <translation>模型自带的，否则为体模</translation>
    </message>
    <message>
        <source>Choose …</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>The data the model learnt from</source>
        <translation>模型原先学习所用的数据</translation>
    </message>
    <message>
        <source>The model&apos;s own test set</source>
        <translation>模型自己的测试集</translation>
    </message>
    <message>
        <source>Scans without a patient</source>
        <translation>没有患者信息的影像</translation>
    </message>
    <message>
        <source>Freeze and train</source>
        <translation>冻结并训练</translation>
    </message>
    <message>
        <source>{0} scans name no patient, and each counts as one. Where a patient has several files, choose the folder above: else it would be judged by patients whom it learnt from.</source>
        <translation>{0} 个扫描没有写明患者，每个都算作一名患者。若一名患者有多个文件，请在上方改选文件夹：否则会用学习过的患者来评判。</translation>
    </message>
</context>
<context>
    <name>TrainingDesk</name>
    <message>
        <source>Look</source>
        <translation>查看</translation>
    </message>
    <message>
        <source>A training is finished: see whether it made the model better.</source>
        <translation>训练已完成：请查看模型是否有所改进。</translation>
    </message>
    <message>
        <source>The training stopped. {0}</source>
        <translation>训练已停止。{0}</translation>
    </message>
    <message>
        <source>The adapter in use cannot be loaded, and the model does not answer: {0}</source>
        <translation>无法加载正在使用的适配器，模型不能回答：{0}</translation>
    </message>
    <message>
        <source>Enough regions are named to compare the two adapters: choose one.</source>
        <translation>已命名的区域足以比较两个适配器：请选择其一。</translation>
    </message>
</context>
<context>
    <name>TrainingDialog</name>
    <message>
        <source>Training</source>
        <translation>训练</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
</context>
<context>
    <name>TrainingDrift</name>
    <message>
        <source>Everything</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Site: {0}</source>
        <translation>机构：{0}</translation>
    </message>
    <message>
        <source>not known</source>
        <translation>未知</translation>
    </message>
    <message>
        <source>{0} suggestions judged: {1} accepted, {2} changed, {3} rejected</source>
        <translation>已评判 {0} 个建议：接受 {1} 个，修改 {2} 个，拒绝 {3} 个</translation>
    </message>
    <message>
        <source>Nothing to draw yet.</source>
        <translation>还没有可绘制的数据。</translation>
    </message>
    <message>
        <source>The model drew none of these boxes.</source>
        <translation>这些方框都不是模型画的。</translation>
    </message>
    <message>
        <source>how sure</source>
        <translation>把握</translation>
    </message>
    <message>
        <source>right</source>
        <translation>正确率</translation>
    </message>
    <message>
        <source>measured, off by {0} on average</source>
        <translation>实测，平均偏差 {0}</translation>
    </message>
    <message>
        <source>as it should be</source>
        <translation>理想情况</translation>
    </message>
    <message>
        <source>Accepted as suggested, by week</source>
        <translation>每周按原样接受的比例</translation>
    </message>
    <message>
        <source>How far names were changed, by week</source>
        <translation>每周名称的改动程度</translation>
    </message>
    <message>
        <source>Suggested over final boxes, by week (IoU)</source>
        <translation>每周建议框与最终框的重叠度（IoU）</translation>
    </message>
    <message>
        <source>How sure, and how often right, by week</source>
        <translation>每周的把握与正确率</translation>
    </message>
    <message>
        <source>How often right when so sure, in all</source>
        <translation>各把握程度下的正确率（全部）</translation>
    </message>
    <message>
        <source>With the 95 % confidence interval of each week</source>
        <translation>阴影为每周的 95 % 置信区间</translation>
    </message>
    <message>
        <source>0: not at all, 1: every letter</source>
        <translation>0：没有改动，1：完全改动</translation>
    </message>
    <message>
        <source>Intersection over union: 1 where the box was left as it was</source>
        <translation>交并比：方框未改动时为 1</translation>
    </message>
    <message>
        <source>Both lines should lie together: below “right” the model is too modest, above it too sure</source>
        <translation>两条线应当重合：“把握”低于“正确率”说明模型过于谨慎，高于则过于自信</translation>
    </message>
    <message>
        <source>Answers by how sure the model was; on the dashed line it is as often right as it says</source>
        <translation>按模型的把握分组；落在虚线上说明正确率与其所称一致</translation>
    </message>
    <message>
        <source>The model gave no probabilities.</source>
        <translation>模型没有给出概率。</translation>
    </message>
    <message>
        <source>Measure again</source>
        <translation>重新测量</translation>
    </message>
    <message>
        <source>Of what the charts are</source>
        <translation>图表的对象</translation>
    </message>
    <message>
        <source>Nothing to measure yet. Let the model suggest, and accept, correct or reject what it says: each decision counts here, week by week, and a label that is accepted less often than before raises an alarm.</source>
        <translation>还没有可测量的内容。请让模型给出建议，并接受、修正或拒绝：每个决定都会按周统计在这里；某个标签被接受的比例下降时会发出警报。</translation>
    </message>
    <message>
        <source>Suggestions judged, by week</source>
        <translation>每周评判的建议数</translation>
    </message>
</context>
<context>
    <name>TrainingModel</name>
    <message>
        <source>Another training is running: pause or discard it first.</source>
        <translation>另一个训练正在进行：请先暂停或丢弃它。</translation>
    </message>
    <message>
        <source>The report of this training cannot be put aside: {0}</source>
        <translation>无法移开这次训练的报告：{0}</translation>
    </message>
    <message>
        <source>Another window works on this training.</source>
        <translation>另一个窗口正在处理这次训练。</translation>
    </message>
    <message>
        <source>The training ended without a result.</source>
        <translation>训练结束，但没有结果。</translation>
    </message>
</context>
<context>
    <name>TrainingNext</name>
    <message>
        <source>Press “Put in order”: what the model was asked about and nobody has judged is listed.</source>
        <translation>请按“排序”：模型已被询问而无人评判的图像会列在这里。</translation>
    </message>
    <message>
        <source>No image waits. Let the model look at scans first: with “Find all” in the window, or at a whole folder with medrega prelabel.</source>
        <translation>没有等待标注的图像。请先让模型查看影像：在窗口中使用“全部查找”，或用 medrega prelabel 处理整个文件夹。</translation>
    </message>
    <message>
        <source>{0} scans cannot be read and are at the end: {1}</source>
        <translation>{0} 个影像无法读取，排在最后：{1}</translation>
    </message>
    <message>
        <source>Scan</source>
        <translation>影像</translation>
    </message>
    <message>
        <source>Modality</source>
        <translation>模态</translation>
    </message>
    <message>
        <source>Slice</source>
        <translation>层面</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>区域</translation>
    </message>
    <message>
        <source>That wait for a decision</source>
        <translation>等待决定的区域数</translation>
    </message>
    <message>
        <source>Doubt</source>
        <translation>存疑</translation>
    </message>
    <message>
        <source>How unsure the model is, 0 to 1</source>
        <translation>模型的不确定程度，0 到 1</translation>
    </message>
    <message>
        <source>Unlike others</source>
        <translation>与众不同</translation>
    </message>
    <message>
        <source>How different it looks from what is labelled, 0 to 1</source>
        <translation>与已标注图像的差异程度，0 到 1</translation>
    </message>
    <message>
        <source>Rare</source>
        <translation>稀有</translation>
    </message>
    <message>
        <source>How rare its labels are among those given so far, 0 to 1</source>
        <translation>其标签在已给标签中的稀有程度，0 到 1</translation>
    </message>
    <message>
        <source>Labelling these first teaches a model the most: what it is unsure of, what looks unlike the rest, and what is rare.</source>
        <translation>先标注这些图像，模型学到的最多：模型没有把握的、看起来与众不同的、标签稀有的。</translation>
    </message>
    <message>
        <source>Look at the pictures too</source>
        <translation>同时比较图像</translation>
    </message>
    <message>
        <source>Slower: each scan is read once</source>
        <translation>较慢：每个影像都要读取一次</translation>
    </message>
    <message>
        <source>Put in order</source>
        <translation>排序</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Put these scans first on the list</source>
        <translation>把这些影像排在列表最前</translation>
    </message>
    <message>
        <source>Under “To label next”; next and previous scan follow it</source>
        <translation>列在“接下来标注”下；上一个、下一个影像也按此顺序</translation>
    </message>
    <message>
        <source>1 scan stands first on the list now.</source>
        <translation>现在有 1 个影像排在列表最前。</translation>
    </message>
    <message>
        <source>{0} scans stand first now.</source>
        <translation>现在有 {0} 个影像排在列表最前。</translation>
    </message>
</context>
<context>
    <name>TrainingPages</name>
    <message>
        <source>Corrections</source>
        <translation>修正</translation>
    </message>
    <message>
        <source>What to label next</source>
        <translation>接下来标注</translation>
    </message>
    <message>
        <source>Trainings</source>
        <translation>训练记录</translation>
    </message>
    <message>
        <source>Compare two</source>
        <translation>两两比较</translation>
    </message>
    <message>
        <source>{0} ⚠ {1}</source>
        <translation>{0} ⚠ {1}</translation>
    </message>
    <message>
        <source>Export and import</source>
        <translation>导出与导入</translation>
    </message>
    <message>
        <source>How the model fares</source>
        <translation>模型表现</translation>
    </message>
</context>
<context>
    <name>TrainingParts</name>
    <message>
        <source>Loss</source>
        <translation>损失</translation>
    </message>
    <message>
        <source>Scores</source>
        <translation>得分</translation>
    </message>
    <message>
        <source>Examples</source>
        <translation>例子</translation>
    </message>
    <message>
        <source>Confused names</source>
        <translation>混淆的名称</translation>
    </message>
</context>
<context>
    <name>TrainingRuns</name>
    <message>
        <source>the model alone</source>
        <translation>不带适配器的模型</translation>
    </message>
    <message>
        <source>{0} answers with: {1}</source>
        <translation>{0} 目前使用：{1}</translation>
    </message>
    <message>
        <source>It cannot be loaded: {0}. Go back to what was used before, or to the model alone, below.</source>
        <translation>无法加载：{0}。请在下方退回此前所用的，或只用模型本身。</translation>
    </message>
    <message>
        <source>No adapter was ever used.</source>
        <translation>从未使用过适配器。</translation>
    </message>
    <message>
        <source>back to {0}</source>
        <translation>退回到 {0}</translation>
    </message>
    <message>
        <source>use of {0}</source>
        <translation>启用 {0}</translation>
    </message>
    <message>
        <source>{0}, {1}</source>
        <translation>{0}，{1}</translation>
    </message>
    <message>
        <source>although the comparison did not pass</source>
        <translation>尽管比较未通过</translation>
    </message>
    <message>
        <source>Reason: {0}</source>
        <translation>理由：{0}</translation>
    </message>
    <message>
        <source>That was in comparison with {0}, and {1} is in use now: judge again before you decide.</source>
        <translation>这是与“{0}”比较的结果，而现在使用的是“{1}”：请先重新评判，再作决定。</translation>
    </message>
    <message>
        <source>Stopping after this step …</source>
        <translation>完成这一步后停止…</translation>
    </message>
    <message>
        <source>Train all the same</source>
        <translation>仍然训练</translation>
    </message>
    <message>
        <source>Really discard?</source>
        <translation>确定丢弃？</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>丢弃</translation>
    </message>
    <message>
        <source>loss on what it learns from</source>
        <translation>学习数据上的损失</translation>
    </message>
    <message>
        <source>loss on what it does not</source>
        <translation>未学习数据上的损失</translation>
    </message>
    <message>
        <source>The loss is drawn here once the training has begun.</source>
        <translation>训练开始后，损失曲线会画在这里。</translation>
    </message>
    <message>
        <source>Why it is used although it was not compared with what is in use; kept for ever</source>
        <translation>未与正在使用的比较仍要启用的理由；将永久保留</translation>
    </message>
    <message>
        <source>Trainings</source>
        <translation>训练记录</translation>
    </message>
    <message>
        <source>Which adapter answered, and since when</source>
        <translation>何时起由哪个适配器回答</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Chosen under “Manage models”, for this window and until the next switch. In use elsewhere: {0}</source>
        <translation>在“管理模型”中选择，只用于此窗口，直到下一次切换。其他地方使用：{0}</translation>
    </message>
    <message>
        <source>Judge again</source>
        <translation>重新评判</translation>
    </message>
    <message>
        <source>Compare it with what is in use now</source>
        <translation>与现在使用的相比较</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>启用</translation>
    </message>
    <message>
        <source>Go back to what was used before</source>
        <translation>退回到之前使用的</translation>
    </message>
    <message>
        <source>Why it is used although the comparison did not pass; kept for ever</source>
        <translation>比较未通过仍要启用的理由；将永久保留</translation>
    </message>
    <message>
        <source>Loss</source>
        <translation>损失</translation>
    </message>
    <message>
        <source>No training yet. Accept or correct suggestions on several patients, then press “Freeze and train” under Corrections. Here you see it learn, what it changed, and decide whether it is used.</source>
        <translation>还没有训练。请在多名患者的图像上接受或修正建议，然后在“修正”中按“冻结并训练”。您可以在这里看到学习过程和训练前后的变化，并决定是否启用。</translation>
    </message>
    <message>
        <source>Answer with the model alone</source>
        <translation>只用模型本身回答</translation>
    </message>
</context>
<context>
    <name>TrainingTrial</name>
    <message>
        <source>the model alone</source>
        <translation>不带适配器的模型</translation>
    </message>
    <message>
        <source>trained {0} · {1}</source>
        <translation>训练于 {0} · {1}</translation>
    </message>
    <message>
        <source>{0} (in use)</source>
        <translation>{0}（使用中）</translation>
    </message>
    <message>
        <source>Compared since {0}, begun by {1}: {2} of {3} regions are named</source>
        <translation>自 {0} 起比较，由 {1} 开始：已命名 {2} / {3} 个区域</translation>
    </message>
    <message>
        <source>{0} of {1} regions</source>
        <translation>{0} / {1} 个区域</translation>
    </message>
    <message>
        <source>Few regions say little: the more are named, the surer it is who is better</source>
        <translation>区域少时说明不了什么：命名的越多，越能确定哪个更好</translation>
    </message>
    <message>
        <source>Adapter</source>
        <translation>适配器</translation>
    </message>
    <message>
        <source>Right names</source>
        <translation>名称正确</translation>
    </message>
    <message>
        <source>Its best name became the person&apos;s</source>
        <translation>其首选名称即为人最终采用的名称</translation>
    </message>
    <message>
        <source>Share</source>
        <translation>比例</translation>
    </message>
    <message>
        <source>Alone right</source>
        <translation>仅其正确</translation>
    </message>
    <message>
        <source>Right where the other was not</source>
        <translation>另一个错误而它正确</translation>
    </message>
    <message>
        <source>Seen</source>
        <translation>显示次数</translation>
    </message>
    <message>
        <source>Its answer was the one on screen; which one is, is left to chance</source>
        <translation>屏幕上显示其回答的次数；显示哪一个由随机决定</translation>
    </message>
    <message>
        <source>First: {0}</source>
        <translation>第一个：{0}</translation>
    </message>
    <message>
        <source>Second: {0}</source>
        <translation>第二个：{0}</translation>
    </message>
    <message>
        <source>Use the first</source>
        <translation>启用第一个</translation>
    </message>
    <message>
        <source>Use the second</source>
        <translation>启用第二个</translation>
    </message>
    <message>
        <source>Keep the first</source>
        <translation>保留第一个</translation>
    </message>
    <message>
        <source>Keep the second</source>
        <translation>保留第二个</translation>
    </message>
    <message>
        <source>Compared on {0} regions: {1} right names of the first, {2} of the second</source>
        <translation>在 {0} 个区域上比较：第一个名称正确 {1} 次，第二个 {2} 次</translation>
    </message>
    <message>
        <source>Draw regions and name them as ever; each one that you name counts.</source>
        <translation>请照常绘制区域并命名；您命名的每个区域都会计入。</translation>
    </message>
    <message>
        <source>Both right: {0}. Neither right: {1}.</source>
        <translation>两者都正确：{0}。都错误：{1}。</translation>
    </message>
    <message>
        <source>Neither is better so far.</source>
        <translation>目前不分高下。</translation>
    </message>
    <message>
        <source>The first</source>
        <translation>第一个</translation>
    </message>
    <message>
        <source>The second</source>
        <translation>第二个</translation>
    </message>
    <message>
        <source>{0} is better: that it is chance has a probability of {1}.</source>
        <translation>{0} 更好：纯属偶然的概率为 {1}。</translation>
    </message>
    <message>
        <source>{0} is ahead, which may be chance (probability {1}): compare on more regions to be sure.</source>
        <translation>{0} 暂时领先，但可能是偶然（概率 {1}）：要确定请在更多区域上比较。</translation>
    </message>
    <message>
        <source>Both adapters name each region that you draw, one answer is shown, and you are not told whose: what you call the region in the end decides who was right. Naming takes twice as long meanwhile.</source>
        <translation>您绘制的每个区域由两个适配器分别命名，只显示其中一个的回答，且不告知是哪一个：您最终给出的名称决定谁正确。此期间命名耗时加倍。</translation>
    </message>
    <message>
        <source>There is nothing to compare yet. Once an adapter is trained (under Corrections), it can be compared here with the model alone, or with the adapter in use, on the regions that you draw next.</source>
        <translation>目前没有可比较的内容。训练出适配器（见“修正”）之后，可以在这里用您接下来绘制的区域，将它与不带适配器的模型或正在使用的适配器进行比较。</translation>
    </message>
    <message>
        <source>First</source>
        <translation>第一个</translation>
    </message>
    <message>
        <source>Second</source>
        <translation>第二个</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>区域数</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Why it is used; kept for ever</source>
        <translation>启用的理由；将永久保留</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>开始比较</translation>
    </message>
    <message>
        <source>End, change nothing</source>
        <translation>结束，不作更改</translation>
    </message>
</context>
<context>
    <name>TrainingWords</name>
    <message>
        <source>Freezing the corrections</source>
        <translation>正在冻结修正</translation>
    </message>
    <message>
        <source>Training</source>
        <translation>正在训练</translation>
    </message>
    <message>
        <source>Comparing before and after</source>
        <translation>正在比较训练前后</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>running</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>in use</source>
        <translation>使用中</translation>
    </message>
    <message>
        <source>passed, not in use</source>
        <translation>已通过，未启用</translation>
    </message>
    <message>
        <source>did not pass</source>
        <translation>未通过</translation>
    </message>
    <message>
        <source>not trained: too few are held out</source>
        <translation>未训练：留出的太少</translation>
    </message>
    <message>
        <source>stopped before freezing</source>
        <translation>冻结前停止</translation>
    </message>
    <message>
        <source>stopped while training</source>
        <translation>训练中停止</translation>
    </message>
    <message>
        <source>trained, not compared yet</source>
        <translation>已训练，尚未比较</translation>
    </message>
    <message>
        <source>about {0} s left</source>
        <translation>约剩 {0} 秒</translation>
    </message>
    <message>
        <source>about {0} min left</source>
        <translation>约剩 {0} 分钟</translation>
    </message>
    <message>
        <source>Naming regions</source>
        <translation>区域命名</translation>
    </message>
    <message>
        <source>Finding by name</source>
        <translation>按名称查找</translation>
    </message>
    <message>
        <source>Grounded reports</source>
        <translation>定位报告</translation>
    </message>
    <message>
        <source>Reports</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Free questions</source>
        <translation>自由提问</translation>
    </message>
    <message>
        <source>Diagnoses</source>
        <translation>诊断</translation>
    </message>
    <message>
        <source>Nothing is frozen yet.</source>
        <translation>尚未冻结任何内容。</translation>
    </message>
    <message>
        <source>{0} regions of {1} patients to learn from, {2} regions of {3} patients to judge by.</source>
        <translation>{1} 名患者的 {0} 个区域用于学习，{3} 名患者的 {2} 个区域用于评判。</translation>
    </message>
    <message>
        <source>{0} regions are left out: no name, no area, or held out but accepted many at once.</source>
        <translation>有 {0} 个区域未纳入：没有名称、没有面积，或虽被留出但是批量接受的。</translation>
    </message>
    <message>
        <source>Nothing is held out: no comparison can say whether it is better.</source>
        <translation>没有留出任何内容：无法比较出是否有所改进。</translation>
    </message>
    <message>
        <source>On corrections it never saw it scores {0}, before {1}</source>
        <translation>在从未见过的修正上得分 {0}，训练前为 {1}</translation>
    </message>
    <message>
        <source> (difference {0} points, 95 % between {1} and {2})</source>
        <translation>（相差 {0} 个百分点，95 % 区间为 {1} 至 {2}）</translation>
    </message>
    <message>
        <source>.</source>
        <translation>。</translation>
    </message>
    <message>
        <source>No task of the base test set falls by more than one point.</source>
        <translation>基础测试集上没有任务下降超过 1 个百分点。</translation>
    </message>
    <message>
        <source>Passed.</source>
        <translation>已通过。</translation>
    </message>
    <message>
        <source>Not passed.</source>
        <translation>未通过。</translation>
    </message>
    <message>
        <source>{0} is accepted less often than before: {1} of {2} now, {3} of {4} before. Look at these suggestions, correct them, and train.</source>
        <translation>“{0}”被接受的比例下降：现在 {2} 个中接受 {1} 个，之前 {4} 个中接受 {3} 个。请查看这些建议，加以修正，然后训练。</translation>
    </message>
    <message>
        <source>{0} on the base test set changes by {1} points: one point less is the most.</source>
        <translation>基础测试集上的“{0}”变化 {1} 个百分点：最多只能下降 1 个百分点。</translation>
    </message>
    <message>
        <source>Held-out patients: {0}. At least {1} are needed to say whether it is better.</source>
        <translation>留出患者：{0} 名。至少需要 {1} 名才能判断是否变好。</translation>
    </message>
    <message>
        <source>That may be chance: the interval is not above zero.</source>
        <translation>这可能只是偶然：区间并不全在零以上。</translation>
    </message>
</context>
<context>
    <name>ValueRangeBox</name>
    <message>
        <source>Paint and erase only pixels whose value lies between two limits</source>
        <translation>只绘制和擦除值在两个界限之间的像素</translation>
    </message>
    <message>
        <source>Only these values</source>
        <translation>只限这些值</translation>
    </message>
    <message>
        <source>From</source>
        <translation>从</translation>
    </message>
    <message>
        <source>To</source>
        <translation>到</translation>
    </message>
</context>
<context>
    <name>ViewPane</name>
    <message>
        <source>Axial</source>
        <translation>横断面</translation>
    </message>
    <message>
        <source>Coronal</source>
        <translation>冠状面</translation>
    </message>
    <message>
        <source>Sagittal</source>
        <translation>矢状面</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>图像</translation>
    </message>
    <message>
        <source>Fill the window with this view, or go back (M, or double-click here)</source>
        <translation>单视图放大或还原（M 键，或双击此处）</translation>
    </message>
    <message>
        <source>Compare with …</source>
        <translation>选择对比影像…</translation>
    </message>
</context>
<context>
    <name>ViewerActions</name>
    <message>
        <source>Layout</source>
        <translation>布局</translation>
    </message>
    <message>
        <source>Draw regions</source>
        <translation>绘制区域</translation>
    </message>
    <message>
        <source>Left mouse button</source>
        <translation>鼠标左键</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>窗宽窗位</translation>
    </message>
    <message>
        <source>Cine</source>
        <translation>电影播放</translation>
    </message>
    <message>
        <source>Select and move regions</source>
        <translation>选择和移动区域</translation>
    </message>
    <message>
        <source>Draw a box and ask</source>
        <translation>画框并询问模型</translation>
    </message>
    <message>
        <source>Draw a turned box</source>
        <translation>画旋转框</translation>
    </message>
    <message>
        <source>Draw an ellipse</source>
        <translation>画椭圆</translation>
    </message>
    <message>
        <source>Draw a polygon</source>
        <translation>画多边形</translation>
    </message>
    <message>
        <source>Draw freehand</source>
        <translation>徒手勾画</translation>
    </message>
    <message>
        <source>Draw a line</source>
        <translation>画线</translation>
    </message>
    <message>
        <source>Set a point</source>
        <translation>设点</translation>
    </message>
    <message>
        <source>Paint with a brush</source>
        <translation>画笔涂抹</translation>
    </message>
    <message>
        <source>Erase</source>
        <translation>橡皮擦</translation>
    </message>
    <message>
        <source>Narrower brush</source>
        <translation>画笔变细</translation>
    </message>
    <message>
        <source>Wider brush</source>
        <translation>画笔变粗</translation>
    </message>
    <message>
        <source>Crosshair: turn all views to a place</source>
        <translation>定位十字线：各视图转到同一位置</translation>
    </message>
    <message>
        <source>Window and level</source>
        <translation>调整窗宽窗位</translation>
    </message>
    <message>
        <source>Move the picture</source>
        <translation>平移图像</translation>
    </message>
    <message>
        <source>Measure a length</source>
        <translation>测量长度</translation>
    </message>
    <message>
        <source>Measure an angle: click an end, the corner and the other end</source>
        <translation>测量角度：依次点击一端、顶点和另一端</translation>
    </message>
    <message>
        <source>Values in an ellipse</source>
        <translation>椭圆区域统计</translation>
    </message>
    <message>
        <source>Values in a rectangle</source>
        <translation>矩形区域统计</translation>
    </message>
    <message>
        <source>One view</source>
        <translation>单视图</translation>
    </message>
    <message>
        <source>Two scans side by side</source>
        <translation>两个影像并排</translation>
    </message>
    <message>
        <source>Three planes and 3-D</source>
        <translation>三平面与三维</translation>
    </message>
    <message>
        <source>Axial</source>
        <translation>横断面</translation>
    </message>
    <message>
        <source>Coronal</source>
        <translation>冠状面</translation>
    </message>
    <message>
        <source>Sagittal</source>
        <translation>矢状面</translation>
    </message>
    <message>
        <source>Fill the window with this view, or go back</source>
        <translation>单视图放大或还原</translation>
    </message>
    <message>
        <source>Next view</source>
        <translation>下一个视图</translation>
    </message>
    <message>
        <source>Choose the scan to compare with …</source>
        <translation>选择要对比的影像…</translation>
    </message>
    <message>
        <source>Narrower window</source>
        <translation>窗宽变窄</translation>
    </message>
    <message>
        <source>Wider window</source>
        <translation>窗宽变宽</translation>
    </message>
    <message>
        <source>Brighter</source>
        <translation>调亮</translation>
    </message>
    <message>
        <source>Darker</source>
        <translation>调暗</translation>
    </message>
    <message>
        <source>The scan&apos;s own window</source>
        <translation>影像自带的窗宽窗位</translation>
    </message>
    <message>
        <source>Window fitted to this slice</source>
        <translation>按本层自动调窗</translation>
    </message>
    <message>
        <source>Invert</source>
        <translation>反色</translation>
    </message>
    <message>
        <source>Fit</source>
        <translation>适合窗口</translation>
    </message>
    <message>
        <source>Actual pixels (1:1)</source>
        <translation>原始像素（1:1）</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>放大</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>缩小</translation>
    </message>
    <message>
        <source>Smooth pixels</source>
        <translation>像素平滑插值</translation>
    </message>
    <message>
        <source>Crosshair and reference lines</source>
        <translation>十字线与参考线</translation>
    </message>
    <message>
        <source>Scroll both scans together</source>
        <translation>两个影像同步翻层</translation>
    </message>
    <message>
        <source>Hide regions and measurements</source>
        <translation>隐藏区域与测量</translation>
    </message>
    <message>
        <source>Overlays of the file</source>
        <translation>文件中的叠加层</translation>
    </message>
    <message>
        <source>Hide texts</source>
        <translation>隐藏文字</translation>
    </message>
    <message>
        <source>Play through the slices</source>
        <translation>连续播放层面</translation>
    </message>
    <message>
        <source>Slower</source>
        <translation>减慢</translation>
    </message>
    <message>
        <source>Faster</source>
        <translation>加快</translation>
    </message>
    <message>
        <source>Copy the view as a picture</source>
        <translation>复制视图为图片</translation>
    </message>
    <message>
        <source>Save the view as a picture …</source>
        <translation>将视图另存为图片…</translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation>软组织</translation>
    </message>
    <message>
        <source>Lung</source>
        <translation>肺</translation>
    </message>
    <message>
        <source>Bone</source>
        <translation>骨</translation>
    </message>
    <message>
        <source>Brain</source>
        <translation>脑</translation>
    </message>
    <message>
        <source>Liver</source>
        <translation>肝</translation>
    </message>
    <message>
        <source>Mediastinum</source>
        <translation>纵隔</translation>
    </message>
    <message>
        <source>Angiography</source>
        <translation>血管造影</translation>
    </message>
    <message>
        <source>View</source>
        <translation>视图</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
</context>
<context>
    <name>ViewerBar</name>
    <message>
        <source>Own window</source>
        <translation>自带窗</translation>
    </message>
    <message>
        <source>Fitted to slice</source>
        <translation>适合本层面</translation>
    </message>
    <message>
        <source>In colour</source>
        <translation>彩色图像</translation>
    </message>
    <message>
        <source>{0}/s</source>
        <translation>{0} 层/秒</translation>
    </message>
    <message>
        <source>View</source>
        <translation>视图</translation>
    </message>
    <message>
        <source>Window (Ctrl+1 … 7, W, Shift+W, right-drag)</source>
        <translation>窗宽窗位（Ctrl+1 … 7、W、Shift+W、右键拖动）</translation>
    </message>
    <message>
        <source>Slices a second ([ slower, ] faster)</source>
        <translation>每秒层数（[ 减慢，] 加快）</translation>
    </message>
</context>
<context>
    <name>VolumePane</name>
    <message>
        <source>Drawn when all slices are read</source>
        <translation>全部层面读取后绘制</translation>
    </message>
    <message>
        <source>Drawing …</source>
        <translation>正在绘制…</translation>
    </message>
    <message>
        <source>The 3-D view cannot be drawn: {0}</source>
        <translation>无法绘制三维视图：{0}</translation>
    </message>
    <message>
        <source>Bone</source>
        <translation>骨</translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation>软组织</translation>
    </message>
    <message>
        <source>Surface</source>
        <translation>表面</translation>
    </message>
    <message>
        <source>This scan has no third dimension</source>
        <translation>该影像没有第三维</translation>
    </message>
    <message>
        <source>3-D</source>
        <translation>三维</translation>
    </message>
    <message>
        <source>Fill the window with this view, or go back (double-click here)</source>
        <translation>单视图放大或还原（双击此处）</translation>
    </message>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
    <message>
        <source>Drag or arrows to turn, wheel or + and - to zoom, double click or 0 for the front</source>
        <translation>拖动或方向键旋转，滚轮或 + 与 - 缩放，双击或 0 恢复正面视角</translation>
    </message>
</context>
<context>
    <name>WindowDialogs</name>
    <message>
        <source>Add scans</source>
        <translation>添加影像</translation>
    </message>
    <message>
        <source>Add a folder of scans</source>
        <translation>添加影像文件夹</translation>
    </message>
    <message>
        <source>(no longer on the list)</source>
        <translation>（已不在列表中）</translation>
    </message>
    <message>
        <source>This model has no card.</source>
        <translation>该模型没有说明卡。</translation>
    </message>
    <message>
        <source>Model card</source>
        <translation>模型说明卡</translation>
    </message>
    <message>
        <source>About MedRegA Desktop</source>
        <translation>关于 MedRegA Desktop</translation>
    </message>
    <message>
        <source>Label and read medical scans with a model that runs on this computer.&lt;br&gt;&lt;br&gt;&lt;b&gt;Not for diagnostic use.&lt;/b&gt; Suggestions are a model&apos;s guesses until a person decides.&lt;br&gt;&lt;br&gt;After MedRegA, Wang et al., ICLR 2025. Apache-2.0.</source>
        <translation>用本机运行的模型标注和阅读医学影像。&lt;br&gt;&lt;br&gt;&lt;b&gt;不得用于诊断。&lt;/b&gt;在人作出决定之前，建议只是模型的猜测。&lt;br&gt;&lt;br&gt;依据 MedRegA（Wang 等，ICLR 2025）。Apache-2.0 许可。</translation>
    </message>
</context>
<context>
    <name>WindowMenus</name>
    <message>
        <source>Add files …</source>
        <translation>添加文件…</translation>
    </message>
    <message>
        <source>Add a folder …</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Add the demo worklist</source>
        <translation>添加演示工作列表</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>Find scans</source>
        <translation>查找影像</translation>
    </message>
    <message>
        <source>Label sets …</source>
        <translation>标签集…</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Ask about this slice …</source>
        <translation>就本层提问…</translation>
    </message>
    <message>
        <source>Manage models …</source>
        <translation>管理模型…</translation>
    </message>
    <message>
        <source>Model card</source>
        <translation>模型说明卡</translation>
    </message>
    <message>
        <source>Training …</source>
        <translation>训练…</translation>
    </message>
    <message>
        <source>About MedRegA Desktop</source>
        <translation>关于 MedRegA Desktop</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Region</source>
        <translation>区域(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Settings</source>
        <translation>设置(&amp;S)</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
</context>
<context>
    <name>WindowText</name>
    <message>
        <source>W {0}  C {1}</source>
        <translation>窗宽 {0}  窗位 {1}</translation>
    </message>
</context>
<context>
    <name>WritingCard</name>
    <message>
        <source>Waits for your newer question …</source>
        <translation>等待您较新的问题…</translation>
    </message>
    <message>
        <source>Writing …</source>
        <translation>正在书写…</translation>
    </message>
    <message>
        <source>Looking for regions first …</source>
        <translation>先找区域…</translation>
    </message>
    <message>
        <source>Asking the model …</source>
        <translation>正在询问模型…</translation>
    </message>
    <message>
        <source>slice {0}</source>
        <translation>第 {0} 层</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Give up this question (Esc)</source>
        <translation>放弃这个问题（Esc）</translation>
    </message>
</context>
</TS>

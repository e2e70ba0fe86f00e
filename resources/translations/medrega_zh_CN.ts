<?xml version='1.0' encoding='utf-8'?>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
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
        <source>List scans with one status only</source>
        <translation>只列出某一状态的影像</translation>
    </message>
    <message>
        <source>List scans of some days only</source>
        <translation>只列出某段日期的影像</translation>
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
        <source>Drop files or folders here, or add them below</source>
        <translation>将文件或文件夹拖放到此处，或在下方添加</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>工作列表</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
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
        <source>{0} of {1} files</source>
        <translation>已处理 {0} / {1} 个文件</translation>
    </message>
    <message>
        <source>Stopping …</source>
        <translation>正在停止…</translation>
    </message>
    <message>
        <source>Show all scans</source>
        <translation>显示全部影像</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Add scans …</source>
        <translation>添加影像…</translation>
    </message>
    <message>
        <source>Files …</source>
        <translation>文件…</translation>
    </message>
    <message>
        <source>Folder …</source>
        <translation>文件夹…</translation>
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
        <source>{0} decided</source>
        <translation>已定 {0}</translation>
    </message>
    <message>
        <source>{0} open</source>
        <translation>待定 {0}</translation>
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
    <name>MainWindow</name>
    <message>
        <source>Asking the model …</source>
        <translation>正在询问模型……</translation>
    </message>
    <message>
        <source>Not found on this slice: {0}</source>
        <translation>此层面未找到：{0}</translation>
    </message>
    <message>
        <source>Loading the model …</source>
        <translation>正在加载模型……</translation>
    </message>
    <message>
        <source>The model is ready</source>
        <translation>模型已就绪</translation>
    </message>
    <message>
        <source>The model process stopped and was restarted; the question is asked again</source>
        <translation>模型进程已停止并重新启动；正在重新提问</translation>
    </message>
    <message>
        <source>The model process failed: {0}</source>
        <translation>模型进程出错：{0}</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>Add scans</source>
        <translation>添加影像</translation>
    </message>
    <message>
        <source>Add a folder of scans</source>
        <translation>添加影像文件夹</translation>
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
        <source>type another name</source>
        <translation>输入其他名称</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Delete</translation>
    </message>
    <message>
        <source>reject the region</source>
        <translation>拒绝该区域</translation>
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
        <source>give up the box; select nothing</source>
        <translation>放弃画框；取消选择</translation>
    </message>
    <message>
        <source>Wheel, ↑ ↓</source>
        <translation>滚轮、↑ ↓</translation>
    </message>
    <message>
        <source>slices</source>
        <translation>翻层</translation>
    </message>
    <message>
        <source>Right-drag, W</source>
        <translation>右键拖动、W</translation>
    </message>
    <message>
        <source>window; back to the scan's own</source>
        <translation>调窗；恢复默认窗</translation>
    </message>
    <message>
        <source>Ctrl+wheel, 0</source>
        <translation>Ctrl+滚轮、0</translation>
    </message>
    <message>
        <source>zoom; fit</source>
        <translation>缩放；适应窗口</translation>
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
        <source>N, P</source>
        <translation>N、P</translation>
    </message>
    <message>
        <source>next, previous scan</source>
        <translation>下一个、上一个影像</translation>
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
        <source>Ctrl+F</source>
        <translation>Ctrl+F</translation>
    </message>
    <message>
        <source>search the list of scans</source>
        <translation>搜索影像列表</translation>
    </message>
    <message>
        <source>H</source>
        <translation>H</translation>
    </message>
    <message>
        <source>hide regions</source>
        <translation>隐藏区域</translation>
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
        <source>Keys</source>
        <translation>快捷键</translation>
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
        <source>Label and read medical scans with a model that runs on this computer.&lt;br&gt;&lt;br&gt;&lt;b&gt;Not for diagnostic use.&lt;/b&gt; Suggestions are a model's guesses until a person decides.&lt;br&gt;&lt;br&gt;After MedRegA, Wang et al., ICLR 2025. Apache-2.0.</source>
        <translation>用本机运行的模型标注和阅读医学影像。&lt;br&gt;&lt;br&gt;&lt;b&gt;不得用于诊断。&lt;/b&gt;在人作出决定之前，建议只是模型的猜测。&lt;br&gt;&lt;br&gt;依据 MedRegA（Wang 等，ICLR 2025）。Apache-2.0 许可。</translation>
    </message>
    <message>
        <source>MedRegA Desktop</source>
        <translation>MedRegA Desktop</translation>
    </message>
    <message>
        <source>Add files …</source>
        <translation>添加文件……</translation>
    </message>
    <message>
        <source>Add a folder …</source>
        <translation>添加文件夹……</translation>
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
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
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
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
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
    <message>
        <source>Model {0} {1} · {2}</source>
        <translation>模型 {0} {1} · {2}</translation>
    </message>
</context>
<context>
    <name>RegionsPanel</name>
    <message>
        <source>unnamed</source>
        <translation>未命名</translation>
    </message>
    <message>
        <source>waits for a name</source>
        <translation>等待命名</translation>
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
        <source>corrected</source>
        <translation>已更正</translation>
    </message>
    <message>
        <source>Find on this slice</source>
        <translation>在此层面查找</translation>
    </message>
    <message>
        <source>Find</source>
        <translation>查找</translation>
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
        <source>Name …</source>
        <translation>名称……</translation>
    </message>
</context>
<context>
    <name>SliceView</name>
    <message>
        <source>not sure</source>
        <translation>不确定</translation>
    </message>
    <message>
        <source>Choose a scan on the left</source>
        <translation>请在左侧选择影像</translation>
    </message>
    <message>
        <source>W {0}  C {1}</source>
        <translation>窗宽 {0}  窗位 {1}</translation>
    </message>
    <message>
        <source>Slice {0} / {1}</source>
        <translation>层面 {0} / {1}</translation>
    </message>
    <message>
        <source>Not for diagnostic use</source>
        <translation>不得用于诊断</translation>
    </message>
</context>
<context>
    <name>SuggestionCard</name>
    <message>
        <source>Asking the model …</source>
        <translation>正在询问模型……</translation>
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
        <source>No suggestion</source>
        <translation>没有建议</translation>
    </message>
    <message>
        <source>Type a name · A ask the model · Delete remove</source>
        <translation>直接输入名称 · A 询问模型 · Delete 删除</translation>
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
        <source>Enter accept · ↑↓ choose · type to correct · Delete reject</source>
        <translation>回车接受 · ↑↓ 选择 · 直接输入更正 · Delete 拒绝</translation>
    </message>
    <message>
        <source>Another name</source>
        <translation>其他名称</translation>
    </message>
    <message>
        <source>Enter take · ↑↓ choose · Esc back</source>
        <translation>回车采用 · ↑↓ 选择 · Esc 返回</translation>
    </message>
    <message>
        <source>Enter takes “{0}” as a new name · Esc back</source>
        <translation>回车将“{0}”作为新名称 · Esc 返回</translation>
    </message>
</context>
</TS>
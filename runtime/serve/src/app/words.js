"use strict";
// What the page says, in English and Chinese.
const WORDS = {
  chat: ["Chat", "对话"], playground: ["Playground", "试验场"], compare: ["Compare", "对比"], tokens: ["Tokens", "词元"],
  model: ["Model", "模型"], system: ["System message", "系统消息"], settings: ["Settings", "设置"], fresh: ["New chat", "新对话"],
  temperature: ["Temperature", "温度"], top_k: ["Top-k", "Top-k"], top_p: ["Top-p", "Top-p"], min_p: ["Min-p", "Min-p"],
  max_tokens: ["Tokens at most", "最多词元"], seed: ["Seed (empty: any)", "种子（空：随机）"], n: ["Samples", "样本数"],
  send: ["Send", "发送"], stop: ["Stop", "停止"], edit: ["Edit", "编辑"], again: ["Regenerate", "重新生成"], remove: ["Delete", "删除"],
  find: ["Search chats", "搜索对话"], save: ["Export", "导出"], lines: ["Export for chat.load", "导出为 chat.load 文件"], load: ["Import", "导入"],
  ask: ["Ask something", "输入问题"], question: ["Question", "问题"], go: ["Go on", "续写"], text: ["Text to go on with", "要续写的文本"],
  before: ["Earlier version", "上一个版本"], after: ["Later version", "下一个版本"], cancel: ["Cancel", "取消"],
  searched: ["searched: ", "搜索："], nothing: ["nothing found", "没有结果"], forgot: ["oldest messages no longer fit: ", "已放不下的最早消息数："],
  key: ["Key", "密钥"], theme: ["Light or dark", "浅色或深色"], language: ["中文", "English"], none: ["no model is served", "没有可用的模型"],
  hint: ["Point at a token to see what the model weighed; choose another to go on from there.", "指向词元可查看模型的备选；选择其他词元即可从该处续写。"],
  lottery: ["The bar is the probability at temperature 1; the number behind it is the chance in the draw, with your settings, among those shown. Struck out: cannot be drawn.",
    "条形为温度 1 时的概率；后面的数字是按当前设置在所列词元中抽中的机会。划掉的词元不会被抽中。"],
  special: ["Names of special tokens mean these tokens", "识别特殊词元的名称"], talk: ["As a conversation", "作为对话"],
  first: ["Text", "文本"], second: ["Another, to compare", "另一个文本（对比）"], show: ["Show", "显示"], count: ["tokens", "个词元"],
  base: ["base model: goes on with the question", "基础模型：续写问题"], empty: ["the answer is empty", "回答为空"],
  user: ["You", "你"], assistant: ["Model", "模型"], stopped: ["stopped", "已停止"], cut: ["cut off: as long as it may be", "已达长度上限"],
};

; Later patterns win.

(path (identifier) @variable)

(comment) @comment
(documentation) @comment.documentation
(file_documentation) @comment.documentation

["edition" "import" "param" "profile" "def" "stage" "expect"] @keyword
["per" "shard" "runtime" "require" "measure"] @keyword
(phrase (identifier) @keyword)
["if" "then" "else"] @keyword.conditional
["each" "in"] @keyword
["not" "and" "or"] @keyword.operator

["=" "|>" "->" ".." "==" "!=" "<=" ">=" "+" "-" "*" "/" "%" "|" "?"] @operator
(binary ["<" ">"] @operator)
(type_arguments ["<" ">"] @punctuation.bracket)
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter

(digits) @number
(unit) @type
(boolean) @boolean
(none) @constant.builtin
(text) @string
(escape) @string.escape

(named_type name: (identifier) @type)
((named_type name: (identifier) @type.builtin)
  (#any-of? @type.builtin
    "Int" "Float" "Bool" "Text" "Path" "Ratio" "Duration" "Bytes" "Count"
    ; kinds
    "Files"
    "Pages"
    "Docs"
    "Classifier"
    "Tokenizer"
    "Tokens"
    "Model"
    "Conversations"
    "Preferences"
    "Questions"
    "Probe"
    "Index"
    "Report"
    ; end
    ))
(type_argument (identifier) @type)
(words (identifier) @constant)

(call stage: (path (identifier) @function))
(step stage: (path (identifier) @function))
(stage name: (path (identifier) @function))
(def name: (identifier) @function)

(binding name: (identifier) @variable)
(param name: (identifier) @variable.parameter)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(measured name: (identifier) @property)
(measure path: (path . (identifier) @variable))
(measure path: (path (identifier) @property .))
(per_shard role: (identifier) @variable.parameter)
(profile name: (identifier) @label)
(override path: (path (identifier) @property))
(field name: (identifier) @property)
(setting name: (identifier) @property)
(property name: (identifier) @attribute)

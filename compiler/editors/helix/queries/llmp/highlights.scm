; Later patterns win (Helix 25.07 and newer).

(path (identifier) @variable)

(comment) @comment.line
(documentation) @comment.line.documentation
(file_documentation) @comment.line.documentation

"import" @keyword.control.import
["edition" "expect"] @keyword
["param" "profile"] @keyword.storage.type
["def" "stage"] @keyword.function
["per" "shard" "runtime" "require" "measure"] @keyword.storage.modifier
(phrase (identifier) @keyword.storage.modifier)
["if" "then" "else"] @keyword.control.conditional
["each" "in"] @keyword
["not" "and" "or"] @keyword.operator

["=" "|>" "->" ".." "==" "!=" "<=" ">=" "+" "-" "*" "/" "%" "|" "?"] @operator
(binary ["<" ">"] @operator)
(type_arguments ["<" ">"] @punctuation.bracket)
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter

(digits) @constant.numeric
(unit) @type
(boolean) @constant.builtin.boolean
(none) @constant.builtin
(text) @string
(escape) @constant.character.escape

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
(type_argument (identifier) @type.parameter)
(words (identifier) @type.enum.variant)

(call stage: (path (identifier) @function))
(step stage: (path (identifier) @function))
(stage name: (path (identifier) @function))
(def name: (identifier) @function)

(binding name: (identifier) @variable)
(param name: (identifier) @variable.parameter)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(per_shard role: (identifier) @variable.parameter)
(profile name: (identifier) @label)
(override path: (path (identifier) @variable.other.member))
(field name: (identifier) @variable.other.member)
(setting name: (identifier) @variable.other.member)
(property name: (identifier) @attribute)

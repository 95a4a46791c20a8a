" Highlighting without tree-sitter.

if exists('b:current_syntax')
  finish
endif

syntax match llmpName "\<\h\w*\>"
syntax match llmpSetting "\<\h\w*\%(\.\h\w*\)*\ze\s*=[^=]"
syntax match llmpDeclared "\<\h\w*\ze\s*:[^=]" nextgroup=llmpTypeOf skipwhite
syntax match llmpTypeOf ":\s*[^={},)/]*" contained contains=llmpType,llmpWord,llmpIn
syntax match llmpResult "->[^{]*" contains=llmpType,llmpWord,llmpSign
syntax match llmpType "\<\u\w*\>" contained
syntax match llmpWord "\<\l\w*\>" contained
syntax match llmpIn "\<in\>" contained
syntax match llmpStage "\<\h\w*\%(\.\h\w*\)\+\ze\%(\s*[^ =.A-Za-z0-9_]\|\s*$\)"
syntax match llmpStage "\<\h\w*\ze\s*[({]"
syntax match llmpStage "\%(|>\s*\)\@<=\h\w*\%(\.\h\w*\)*"
syntax match llmpNumber "\<\d[0-9_]*\%(\.\d[0-9_]*\)\?\%([eE][+-]\?\d\+\)\?\%(\h\w*\|%\)\?"
syntax match llmpSign "|>\|->\|\.\.\|[=!<>]=\|[-=<>+*/%|?]"

syntax match llmpKeyword "\<\%(if\|then\|else\|each\|in\|not\|and\|or\)\>\ze\%(\s*[^ =:]\|\s*==\|\s*$\)"
syntax match llmpConstant "\<\%(true\|false\|none\)\>\ze\%(\s*[^ =:]\|\s*==\|\s*$\)"
syntax match llmpItem "^\s*\%(edition\|expect\|import\|param\|profile\|def\|stage\)\>\ze\s\+[^= ]"
syntax match llmpItem "^\s*\%(per\s\+shard\|runtime\|require\|measure\)\>\ze\s\+\h"

syntax match llmpEscape +\\\%(["\\nt]\|u{\x\+}\)+ contained
syntax region llmpText start=+"+ skip=+\\.+ end=+"+ oneline contains=llmpEscape
syntax match llmpComment "//.*$" contains=llmpTodo,@Spell
syntax match llmpDocumentation "//[/!]\%(/\)\@!.*$" contains=@Spell
syntax keyword llmpTodo TODO FIXME XXX contained

highlight default link llmpSetting Identifier
highlight default link llmpDeclared Identifier
highlight default link llmpType Type
highlight default link llmpWord Constant
highlight default link llmpIn Keyword
highlight default link llmpStage Function
highlight default link llmpNumber Number
highlight default link llmpSign Operator
highlight default link llmpKeyword Keyword
highlight default link llmpConstant Boolean
highlight default link llmpItem Keyword
highlight default link llmpEscape SpecialChar
highlight default link llmpText String
highlight default link llmpComment Comment
highlight default link llmpDocumentation SpecialComment
highlight default link llmpTodo Todo

let b:current_syntax = 'llmp'

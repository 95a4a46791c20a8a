-- Two blanks for each bracket that is open where a line begins, and for lines that go on with a value.

if vim.b.did_indent then
  return
end
vim.b.did_indent = 1

vim.bo.indentexpr = "v:lua.require'llmp.indent'.line(v:lnum)"
vim.bo.indentkeys = '0{,0},0),0],!^F,o,O,e,=~|>,=then'
vim.b.undo_indent = 'setlocal indentexpr< indentkeys<'

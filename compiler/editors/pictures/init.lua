-- Neovim as in the pictures.

local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h')
vim.g.llmp = { cmd = os.getenv('LLMP') or 'llmp', profiles = { 'smoke' } }
vim.opt.runtimepath:prepend(here .. '/../nvim')
vim.o.termguicolors = true
vim.o.background = 'light'
vim.o.number = true
vim.o.signcolumn = 'yes'
vim.o.swapfile = false
vim.o.hlsearch = false
vim.diagnostic.config({ virtual_text = { source = false }, float = { border = 'rounded', source = true } })
vim.cmd('filetype plugin indent on | syntax on')

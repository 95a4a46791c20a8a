-- What a person does in Neovim, step by step: opens a pipeline with a mistake, mends it, formats, renames across files,
-- looks at hovers, completions and code lenses. Ends with an exit code of 1 at the first thing that is not as it should be.

vim.g.llmp = { cmd = os.getenv('LLMP') }
vim.opt.runtimepath:prepend(vim.fn.getcwd() .. '/runtime')
vim.cmd('filetype plugin indent on | syntax on')
vim.o.swapfile = false
vim.o.hidden = true

local WAIT = 20000

local function say(...)
  io.stdout:write(string.format(...), '\n')
end

local function wait(what, condition)
  if not vim.wait(WAIT, condition, 20) then
    error('waited in vain for ' .. what)
  end
end

local function lines(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

local function has(text, part)
  assert(text:find(part, 1, true), ('`%s` is not in:\n%s'):format(part, text))
end

-- Puts the cursor on the first character of a text.
local function go(text)
  assert(vim.fn.search('\\V' .. text, 'cw') > 0, text .. ' is not there')
end

-- The result of a request about the cursor's place.
local function ask(method, more)
  local params = vim.lsp.util.make_position_params(0, 'utf-16')
  for key, value in pairs(more or {}) do
    params[key] = value
  end
  local answers = assert(vim.lsp.buf_request_sync(0, method, params, WAIT), method .. ': no answer')
  for _, answer in pairs(answers) do
    assert(not answer.error, method .. ': ' .. vim.inspect(answer.error))
    return answer.result
  end
end

-- Mistakes in the program; what the dry run says about files that are not there is something else.
local function errors()
  return vim.tbl_filter(function(found)
    return found.source == 'llmp'
  end, vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }))
end

-- Stands in for the browser: the pages that were opened in it.
local function browser()
  if vim.ui.open then
    local opened = {}
    vim.ui.open = function(url)
      table.insert(opened, url)
      return {}
    end
    return function()
      return opened
    end
  end
  vim.env.BROWSER = vim.fn.getcwd() .. '/browser'
  vim.fn.writefile({ '#!/bin/sh', 'echo "$1" >>opened' }, vim.env.BROWSER)
  vim.fn.setfperm(vim.env.BROWSER, 'rwx------')
  return function()
    return vim.fn.filereadable('opened') == 1 and vim.fn.readfile('opened') or {}
  end
end

-- With `test/llmp-graph`, which stands in for llmp: what is in the file `click` was clicked.
local function graph(pages)
  local llmp, main = vim.g.llmp, vim.fn.bufnr()
  vim.g.llmp = { cmd = vim.fn.getcwd() .. '/runtime/test/llmp-graph', profiles = { 'smoke' } }
  local function opened(number)
    vim.cmd('LlmpGraph')
    wait('a page', function()
      return #pages() == number
    end)
  end

  opened(1)
  opened(2)
  assert(pages()[2] == 'http://127.0.0.1:9/page/', pages()[2])
  has(vim.fn.execute('messages'), 'http://127.0.0.1:9/page/')
  local started = vim.fn.readfile('started')
  assert(#started == 1, 'the second time, the first job is asked')
  assert(started[1] == 'graph --watch --profile smoke -- ' .. vim.api.nvim_buf_get_name(main), started[1])

  -- The text may have become shorter since it was drawn.
  for place, cursor in pairs({ ['1:7'] = { 1, 6 }, ['99:99'] = { 2, 0 } }) do
    vim.fn.writefile({ ('%s/common.llmp:%s'):format(vim.fn.getcwd(), place) }, 'clicked')
    vim.fn.rename('clicked', 'click')
    wait('the jump', function()
      return vim.fn.expand('%:t') == 'common.llmp' and vim.deep_equal(vim.api.nvim_win_get_cursor(0), cursor)
    end)
  end
  say('graph: jumped to %s', vim.fn.expand('%:t'))

  vim.cmd('buffer ' .. main)
  local first = tonumber(vim.fn.readfile('pid')[1])
  vim.g.llmp = { cmd = vim.g.llmp.cmd, profiles = {} }
  opened(3)
  wait('the end of the job with other profiles', function()
    return vim.loop.kill(first, 0) ~= 0
  end)
  vim.g.llmp = llmp
end

-- Says to the page at `url` that its first stage was clicked, as its script does.
local function click(url)
  local host, port, path = url:match('^http://([%d.]+):(%d+)(.*)$')
  local socket, answer = vim.loop.new_tcp(), nil
  socket:connect(host, tonumber(port), function(failed)
    assert(not failed, failed)
    socket:write(('POST %sjump/s0 HTTP/1.1\r\nHost: %s\r\n\r\n'):format(path, host))
    socket:read_start(function(_, chunk)
      answer = answer or chunk
    end)
  end)
  wait('an answer of the page', function()
    return answer
  end)
  socket:close()
  return answer
end

-- With llmp itself.
local function real_graph(pages)
  local main, before = vim.api.nvim_buf_get_name(0), #pages()
  vim.cmd('LlmpGraph')
  wait('the page', function()
    return #pages() > before
  end)
  vim.cmd('edit common.llmp')
  has(click(pages()[#pages()]), ' 204 ')
  wait('the jump', function()
    return vim.api.nvim_buf_get_name(0) == main and vim.fn.getline('.'):find('crawl.warc', 1, true)
  end)
  say('graph: %s leads to %s', pages()[#pages()]:match('^[^:]+://[^:]+'), vim.fn.getline('.'))
end

local function test()
  assert(vim.bo.filetype == 'llmp', 'the file type is ' .. vim.bo.filetype)

  wait('diagnostics', function()
    return #errors() > 0
  end)
  for _, found in ipairs(errors()) do
    say('diagnostic: %d:%d %s %s', found.lnum + 1, found.col + 1, found.code or '', found.message)
  end
  assert(#errors() == 1, 'one mistake gives one message')
  assert(errors()[1].code == 'E0110' and errors()[1].lnum == 3, 'it is the unknown stage of line 4')

  go('qualty')
  vim.cmd('normal! cwquality')
  wait('the mistake to go', function()
    return #errors() == 0
  end)
  say('mended: no diagnostics')

  if vim.lsp.buf.format then
    vim.lsp.buf.format({ timeout_ms = WAIT })
  else
    vim.lsp.buf.formatting_sync(nil, WAIT)
  end
  has(lines(0), '|> filter.quality { min_words = 20 }')
  has(lines(0), 'docs  = clean')
  say('formatted: %s', vim.fn.getline(4))

  local main = vim.api.nvim_get_current_buf()
  go('clean')
  vim.lsp.buf.rename('tidy')
  wait('the new name', function()
    return lines(main):find('tidy%(crawl')
  end)
  local common = vim.fn.bufnr('common.llmp')
  assert(common > 0, 'the other file is open')
  has(lines(common), 'def tidy(raw: Docs)')
  -- The server hears of the other file, which has no window, when it is saved.
  vim.cmd('silent wall')
  say('renamed: %s / %s', vim.fn.getline(3), vim.api.nvim_buf_get_lines(common, 1, 2, false)[1])

  go('min_words')
  local hover = vim.inspect(ask('textDocument/hover'))
  has(hover, 'Int')
  say('hover: %s', hover:gsub('%s+', ' '):sub(1, 200))

  go('index')
  vim.cmd('normal! Oother = docs |> filter.')
  vim.cmd('startinsert!')
  local offered = ask('textDocument/completion')
  local labels = vim.tbl_map(function(item)
    return item.label
  end, offered.items or offered)
  assert(vim.tbl_contains(labels, 'filter.language') or vim.tbl_contains(labels, 'language'), vim.inspect(labels))
  say('completion: %s', table.concat(labels, ', '):sub(1, 200))
  vim.cmd('stopinsert')
  vim.api.nvim_buf_set_lines(0, vim.fn.line('.') - 1, vim.fn.line('.'), true, {})

  -- The three bindings have three lenses each, the file one. The server hears of the last edit a moment later.
  local lenses
  wait('code lenses', function()
    lenses = ask('textDocument/codeLens') or {}
    return #lenses == 10
  end)
  local titles = {}
  for _, lens in ipairs(lenses) do
    table.insert(titles, ('%d: %s'):format(lens.range.start.line + 1, lens.command.title))
    assert(vim.lsp.commands[lens.command.command], lens.command.command .. ' is no command here')
  end
  titles = table.concat(titles, ', ')
  say('code lenses: %s', titles)
  for _, title in ipairs({ 'Run: ', 'Run to Here', 'Why', 'Log' }) do
    has(titles, title)
  end

  -- What is typed into the terminal for the first three: all of it, as far as a stage, why.
  local starts, typed = vim.fn.has('nvim-0.11') == 1 and 'jobstart' or 'termopen', {}
  local start = vim.fn[starts]
  vim.fn[starts] = function(arguments)
    table.insert(typed, table.concat(arguments, ' ', 2, #arguments - 1))
    vim.cmd('close')
    vim.cmd('split')
  end
  for number = 1, 3 do
    vim.lsp.commands[lenses[number].command.command](lenses[number].command)
  end
  vim.fn[starts] = start
  vim.cmd('only')
  local first = lenses[3].command.arguments[2]
  assert(vim.deep_equal(typed, { 'run --', 'run --to ' .. first .. ' --', 'why -- ' .. first }), vim.inspect(typed))

  -- What stands at the stages, where this Neovim can show it.
  if vim.lsp.inlay_hint then
    wait('inlay hints', function()
      return #vim.lsp.inlay_hint.get({ bufnr = 0 }) > 0
    end)
    for _, hint in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do
      local label = hint.inlay_hint.label
      label = type(label) == 'string' and label or vim.tbl_map(function(part)
        return part.value
      end, label)
      say('inlay hint: %d: %s', hint.inlay_hint.position.line + 1, type(label) == 'table' and table.concat(label) or label)
    end
  end

  local pages = browser()
  graph(pages)

  -- Without the server: indentation, highlighting, and the tree-sitter grammar.
  vim.cmd('edit who-is.llmp')
  real_graph(pages)
  local before = lines(0)
  vim.cmd('silent normal! gg=G')
  assert(lines(0) == before, 'a formatted file stays as it is when it is indented:\n' .. lines(0))
  vim.cmd([[silent %s/^\s\+//e]])
  vim.cmd('silent normal! gg=G')
  assert(lines(0) == before, 'indented from nothing:\n' .. lines(0))
  say('indented: no change')
  if vim.treesitter.stop then
    vim.treesitter.stop(0)
    vim.bo.syntax = 'llmp'
  end
  for _, pair in ipairs({
    { '//! From', 'llmpDocumentation' },
    { 'param width', 'llmpItem' },
    { 'Int =', 'llmpType' },
    { '96 in', 'llmpNumber' },
    { 'in 32', 'llmpKeyword' },
    { 'docs = crawl', 'llmpSetting' },
    { 'crawl.warc', 'llmpStage' },
    { '"web', 'llmpText' },
    { '|> filter', 'llmpSign' },
    { 'extract.text', 'llmpStage' },
    { 'keep = ', 'llmpSetting' },
    { '// Mostly', 'llmpComment' },
    { 'profile smoke', 'llmpItem' },
    { 'known.samples', 'llmpSetting' },
  }) do
    go(pair[1])
    local group = vim.fn.synIDattr(vim.fn.synID(vim.fn.line('.'), vim.fn.col('.'), 1), 'name')
    assert(group == pair[2], ('`%s` is %s, expected %s'):format(pair[1], group, pair[2]))
  end
  if #vim.api.nvim_get_runtime_file('parser/llmp.so', false) > 0 then
    local tree = vim.treesitter.get_parser(0, 'llmp'):parse()[1]
    assert(not tree:root():has_error(), 'the grammar reads the example')
    for _, file in ipairs(vim.api.nvim_get_runtime_file('queries/llmp/highlights.scm', true)) do
      local text = table.concat(vim.fn.readfile(file), '\n')
      assert((vim.treesitter.query.parse or vim.treesitter.query.parse_query)('llmp', text))
    end
    say('tree-sitter: %d nodes at the top', tree:root():named_child_count())
  end
end

vim.api.nvim_create_autocmd('VimEnter', {
  callback = function()
    vim.schedule(function()
      local fine, message = xpcall(test, debug.traceback)
      if not fine then
        io.stderr:write('\nFAILED: ', message, '\n')
      end
      vim.cmd(fine and 'qall!' or 'cquit 1')
    end)
  end,
})

-- The language server and the commands of a buffer. Neovim 0.7 and newer; what newer ones can do more is used there.
--
-- Settings, before the first pipeline is opened:
--   vim.g.llmp = { cmd = '/path/to/llmp', profiles = { 'smoke' } }

local M = {}

local function settings()
  local given = vim.g.llmp or {}
  return { cmd = given.cmd or 'llmp', profiles = given.profiles or {} }
end

-- The folder with the pipeline's store or repository, or its own.
local function root(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  for _, marker in ipairs({ '.llmp', '.git' }) do
    local found = vim.fn.finddir(marker, vim.fn.escape(folder, ' ,;') .. ';')
    if found ~= '' then
      return vim.fn.fnamemodify(found, ':p:h:h')
    end
  end
  return folder
end

-- Older Neovims refresh code lenses when told to.
local function keep_lenses_fresh(buffer)
  local function refresh()
    vim.lsp.codelens.refresh(vim.fn.has('nvim-0.10') == 1 and { bufnr = buffer } or nil)
  end
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost', 'TextChanged' }, {
    buffer = buffer,
    desc = 'Refresh code lenses',
    callback = refresh,
  })
  refresh()
end

-- Shows what the server knows of the stages, once it serves the buffer.
local function served(_, buffer)
  if vim.lsp.inlay_hint then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = buffer })
  else
    keep_lenses_fresh(buffer)
  end
end

-- Neovim 0.10 draws a line's hints once for each version of the text, but plans and runs change them without one.
local function draw_hints_anew(_, _, context)
  for buffer in pairs(vim.lsp.get_client_by_id(context.client_id).attached_buffers) do
    if vim.lsp.inlay_hint and vim.lsp.inlay_hint.is_enabled({ bufnr = buffer }) then
      vim.lsp.inlay_hint.enable(false, { bufnr = buffer })
      vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
    end
  end
  return vim.NIL
end

local function config(path)
  return {
    name = 'llmp',
    cmd = { settings().cmd, 'lsp' },
    root_dir = root(path),
    on_attach = served,
    handlers = { ['workspace/inlayHint/refresh'] = draw_hints_anew },
    -- The commands of code lenses are ours: they open terminals.
    init_options = { profiles = settings().profiles, commands = { 'llmp.run', 'llmp.why', 'llmp.log' } },
    settings = { llmp = { profiles = settings().profiles } },
  }
end

-- Whether there is the program; where there is none, `notify` says so.
local function found(notify)
  local cmd = settings().cmd
  if vim.fn.executable(cmd) == 1 then
    return true
  end
  notify(('llmp: `%s` is not to be found; set vim.g.llmp.cmd'):format(cmd), vim.log.levels.WARN)
  return false
end

local clients = {}

-- Starts a server for the buffer, or uses the one that runs for its folder.
local function start(buffer)
  if not found(vim.notify_once) then
    return
  end
  local wanted = config(vim.api.nvim_buf_get_name(buffer))
  if vim.lsp.start then
    return vim.lsp.start(wanted, { bufnr = buffer })
  end
  local id = clients[wanted.root_dir]
  if not (id and vim.lsp.get_client_by_id(id)) then
    id = vim.lsp.start_client(wanted)
    clients[wanted.root_dir] = id
  end
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
  return id
end

local function terminal(arguments, folder)
  vim.cmd('botright 12new')
  if vim.fn.has('nvim-0.11') == 1 then
    vim.fn.jobstart(arguments, { term = true, cwd = folder })
  else
    vim.fn.termopen(arguments, { cwd = folder })
  end
  vim.cmd('wincmd p')
end

-- The command line of a verb about `...`, with the chosen profiles.
local function command_line(verb, ...)
  local arguments = vim.list_extend({ settings().cmd }, verb)
  for _, profile in ipairs(settings().profiles) do
    vim.list_extend(arguments, { '--profile', profile })
  end
  return vim.list_extend(arguments, { '--', ... })
end

-- `llmp VERB [STAGE] FILE` in a terminal below; a run goes as far as the stage.
function M.execute(verb, stage, path)
  if not found(vim.notify) then
    return
  end
  path = path or vim.api.nvim_buf_get_name(0)
  local words, about = { verb }, { path }
  if stage and stage ~= '' then
    if verb == 'run' then
      words = { verb, '--to', stage }
    else
      about = { stage, path }
    end
  end
  vim.cmd('silent! wall')
  terminal(command_line(words, unpack(about)), vim.fn.fnamemodify(path, ':h'))
end

-- The graph in the browser; a click on a stage there leads to its text here.
function M.graph()
  if not found(vim.notify) then
    return
  end
  local path = vim.api.nvim_buf_get_name(0)
  vim.cmd('silent! wall')
  require('llmp.graph').open(path, command_line({ 'graph', '--watch' }, path))
end

-- The binding that the cursor is in.
local function stage_here()
  for number = vim.fn.line('.'), 1, -1 do
    local name = vim.fn.getline(number):match('^([%a_][%w_]*)%s*=[^=]')
    if name then
      return name
    end
  end
end

-- Sets the profiles that pipelines are checked, planned and run with.
function M.profiles(names)
  local given = vim.g.llmp or {}
  given.profiles = names
  vim.g.llmp = given
  local all = vim.lsp.get_clients and vim.lsp.get_clients({ name = 'llmp' }) or vim.lsp.get_active_clients()
  for _, client in ipairs(all) do
    if client.name == 'llmp' then
      local changed = { settings = { llmp = { profiles = names } } }
      client.config.settings = changed.settings
      if vim.fn.has('nvim-0.11') == 1 then
        client:notify('workspace/didChangeConfiguration', changed)
      else
        client.notify('workspace/didChangeConfiguration', changed)
      end
    end
  end
end

-- Code lenses: Run, Why and Log of a document and a stage.
for _, verb in ipairs({ 'run', 'why', 'log' }) do
  vim.lsp.commands['llmp.' .. verb] = function(command)
    local uri, stage = unpack(command.arguments or {})
    M.execute(verb, stage, uri and vim.uri_to_fname(uri))
  end
end

local function commands(buffer)
  local function command(name, run, options)
    vim.api.nvim_buf_create_user_command(buffer, name, run, options)
  end
  local function stages(typed)
    local names = {}
    for _, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
      local name = line:match('^([%a_][%w_]*)%s*=[^=]')
      if name and vim.startswith(name, typed) then
        table.insert(names, name)
      end
    end
    return names
  end
  command('LlmpRun', function(typed)
    M.execute('run', typed.args)
  end, { nargs = '?', complete = stages, desc = 'Run the pipeline, as far as a stage where one is named' })
  command('LlmpGraph', M.graph, { desc = 'Show the graph in the browser' })
  for name, verb in pairs({ LlmpWhy = 'why', LlmpLog = 'log' }) do
    command(name, function(typed)
      M.execute(verb, typed.args ~= '' and typed.args or stage_here())
    end, { nargs = '?', complete = stages, desc = 'llmp ' .. verb .. ' of a stage; of the one here without a name' })
  end
  command('LlmpProfiles', function(typed)
    M.profiles(typed.fargs)
  end, { nargs = '*', desc = 'Profiles to check, plan and run with; none without names' })
end

local function highlight(buffer)
  -- Neovim 0.9 and newer name captures as the queries here do.
  if vim.fn.has('nvim-0.9') == 1 and #vim.api.nvim_get_runtime_file('parser/llmp.so', false) > 0 then
    pcall(vim.treesitter.start, buffer, 'llmp')
  end
end

-- Makes a buffer one of llmp.
function M.attach(buffer)
  if buffer == 0 then
    buffer = vim.api.nvim_get_current_buf()
  end
  commands(buffer)
  highlight(buffer)
  if vim.api.nvim_buf_get_name(buffer) == '' or not start(buffer) then
    return
  end
  vim.bo[buffer].omnifunc = 'v:lua.vim.lsp.omnifunc'
end

return M

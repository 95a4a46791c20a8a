-- The graph as a page in the browser, where a click on a stage leads to its text here: `llmp graph --watch` as a job.

local M = {}

-- The jobs by the files that they draw.
local jobs = {}

-- Shows a page, where something that can is known.
local function browse(url)
  if vim.ui.open and vim.ui.open(url) then
    return
  end
  for _, opener in ipairs({ vim.env.BROWSER or '', 'xdg-open', 'open' }) do
    if vim.fn.executable(opener) == 1 then
      vim.fn.jobstart({ opener, url }, { detach = true })
      return
    end
  end
end

local function show(job)
  vim.notify('llmp graph: ' .. job.url)
  browse(job.url)
end

-- Goes to a place, in a window that shows its file where there is one. Columns are counted in characters, from 1.
local function jump(path, line, column)
  local buffer = vim.fn.bufadd(path)
  vim.bo[buffer].buflisted = true
  vim.cmd('stopinsert')
  local window = vim.fn.win_findbuf(buffer)[1]
  if window then
    vim.api.nvim_set_current_win(window)
  elseif not pcall(vim.cmd, 'buffer ' .. buffer) then
    vim.cmd('sbuffer ' .. buffer)
  end
  vim.cmd("normal! m'")
  line = math.min(line, vim.api.nvim_buf_line_count(buffer))
  -- The text may have changed since.
  local byte = vim.fn.byteidx(vim.fn.getline(line), column - 1)
  vim.api.nvim_win_set_cursor(0, { line, math.max(byte, 0) })
end

-- The first line is the page's URL, each one behind it a place that was clicked.
local function said(job, line)
  if not job.url then
    job.url = line
    show(job)
    return
  end
  local path, row, column = line:match('^(.+):(%d+):(%d+)$')
  if path then
    jump(path, tonumber(row), tonumber(column))
  end
end

local function start(path, arguments)
  local job = { arguments = arguments }
  local rest = ''
  job.id = vim.fn.jobstart(arguments, {
    cwd = vim.fn.fnamemodify(path, ':h'),
    stderr_buffered = true,
    -- What comes is cut anywhere: the first item goes on with what came last, the last one is not whole.
    on_stdout = function(_, items)
      items[1] = rest .. items[1]
      rest = table.remove(items)
      for _, line in ipairs(items) do
        said(job, line)
      end
    end,
    on_stderr = function(_, items)
      job.messages = vim.trim(table.concat(items, '\n'))
    end,
    on_exit = function()
      if jobs[path] == job then
        jobs[path] = nil
        vim.notify('llmp graph: ' .. (job.messages or 'it ended'), vim.log.levels.ERROR)
      end
    end,
  })
  jobs[path] = job
end

-- Shows the graph of a file that `arguments` draw: where they run already, their page once more. Neovim ends its jobs
-- when it ends.
function M.open(path, arguments)
  local job = jobs[path]
  if job and vim.deep_equal(job.arguments, arguments) then
    if job.url then
      show(job)
    end
    return
  end
  if job then
    jobs[path] = nil
    vim.fn.jobstop(job.id)
  end
  start(path, arguments)
end

return M

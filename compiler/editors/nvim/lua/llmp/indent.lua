-- The indentation of a line, by the brackets of the line above.

local M = {}

-- A line without texts and comments, which may hold brackets that are none.
local function code(line)
  return (line:gsub('\\.', ''):gsub('"[^"]*"?', '""'):gsub('//.*', ''))
end

local function goes_on(line)
  return line:match('^%s*|>') or line:match('^%s*then%f[^%w_]') or line:match('^%s*else%f[^%w_]')
end

-- How many more brackets a line opens than it closes; those it begins with count for the line itself.
local function opened(line)
  local depth = 0
  for sign in code(line):gsub('^%s*[%)%]}]+', ''):gmatch('[%(%)%[%]{}]') do
    depth = depth + (sign:match('[%(%[{]') and 1 or -1)
  end
  return depth > 0 and 1 or depth < 0 and -1 or 0
end

function M.line(number)
  local previous = vim.fn.prevnonblank(number - 1)
  if previous == 0 then
    return 0
  end
  local above, line = vim.fn.getline(previous), vim.fn.getline(number)
  local width = vim.fn.shiftwidth()
  local indent = vim.fn.indent(previous) + width * opened(above)
  if goes_on(line) and not goes_on(above) and opened(above) == 0 then
    -- Steps that follow a step which ended with a bracket stand where that one began.
    local start = previous
    if above:match('^%s*[%)%]}]') then
      vim.fn.cursor(previous, vim.fn.indent(previous) + 1)
      local open = vim.fn.searchpair('[[({]', '', '[])}]', 'bnW')
      start = open > 0 and open or previous
    end
    indent = vim.fn.indent(start) + (goes_on(vim.fn.getline(start)) and 0 or width)
  elseif not goes_on(line) and goes_on(above) and opened(above) == 0 then
    -- The value ends with a chain; what comes next begins where the chain did.
    local start = previous
    while start > 1 and goes_on(vim.fn.getline(start)) do
      start = vim.fn.prevnonblank(start - 1)
    end
    indent = vim.fn.indent(start)
  end
  if line:match('^%s*[%)%]}]') then
    indent = indent - width
  end
  return math.max(indent, 0)
end

return M

[
  (record)
  (list)
  (arguments)
  (overrides)
  (parameters)
  (body)
  (clauses)
  (record_type)
  (list_type)
  (type_arguments)
  (group)
] @rainbow.scope

["(" ")" "[" "]" "{" "}"] @rainbow.bracket
(type_arguments ["<" ">"] @rainbow.bracket)

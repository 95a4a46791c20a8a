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
  (group)
  (pipeline)
  (choice)
] @indent

["}" "]" ")"] @outdent

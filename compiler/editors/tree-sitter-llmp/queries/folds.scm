[
  (record)
  (list)
  (arguments)
  (overrides)
  (parameters)
  (body)
  (clauses)
  (record_type)
  (pipeline)
  (documentation)+
  (comment)+
] @fold

; What follows `local.definition.` is how its uses are highlighted.

(source_file) @local.scope
(def) @local.scope
(stage) @local.scope

(binding name: (identifier) @local.definition.variable)
(param name: (identifier) @local.definition.variable.parameter)
(parameter name: (identifier) @local.definition.variable.parameter)
(def name: (identifier) @local.definition.function)
(stage name: (path) @local.definition.function)

(path . (identifier) @local.reference)

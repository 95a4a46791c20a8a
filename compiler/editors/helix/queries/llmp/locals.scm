(source_file) @local.scope
(def) @local.scope
(stage) @local.scope

(binding name: (identifier) @local.definition.var)
(param name: (identifier) @local.definition.parameter)
(parameter name: (identifier) @local.definition.parameter)
(def name: (identifier) @local.definition.function)
(stage name: (path) @local.definition.function)
(profile name: (identifier) @local.definition.namespace)

(path . (identifier) @local.reference)

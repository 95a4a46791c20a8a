(source_file (binding name: (_) @name) @definition.constant)
(param name: (_) @name) @definition.constant
(def name: (_) @name) @definition.function
(stage name: (_) @name) @definition.function
(profile name: (_) @name) @definition.section

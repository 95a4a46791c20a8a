(param "param" @context name: (_) @name) @item
(profile "profile" @context name: (_) @name) @item
(def "def" @context name: (_) @name) @item
(stage "stage" @context name: (_) @name) @item
(source_file (binding name: (_) @name) @item)

(def body: (_) @function.inside) @function.around
(stage clauses: (_) @function.inside) @function.around

(parameter) @parameter.inside
(argument) @parameter.inside
(field) @entry.around
(field value: (_) @entry.inside)
(list (_) @entry.inside)

(comment) @comment.inside
(comment)+ @comment.around

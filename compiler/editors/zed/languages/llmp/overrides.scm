(text) @string
[(comment) (documentation) (file_documentation)] @comment.inclusive

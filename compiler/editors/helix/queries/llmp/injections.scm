([(comment) (documentation) (file_documentation)] @injection.content
  (#set! injection.language "comment"))

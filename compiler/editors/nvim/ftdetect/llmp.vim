autocmd BufRead,BufNewFile *.llmp setfiletype llmp

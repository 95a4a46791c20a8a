;;; llmp-mode-test.el --- Tests of llmp-mode -*- lexical-binding: t -*-

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'imenu)
(require 'llmp-mode)
(require 'eglot nil t)
(require 'flymake)
(require 'url)

(defmacro llmp-test-with (text &rest body)
  "Evaluate BODY in a buffer with TEXT, highlighted."
  (declare (indent 1))
  `(with-temp-buffer
     (insert ,text)
     (llmp-mode)
     (font-lock-ensure)
     (goto-char (point-min))
     ,@body))

(defun llmp-test-face (text)
  "The face of the first character of TEXT in the buffer."
  (goto-char (point-min))
  (let ((case-fold-search nil)) (search-forward text))
  (get-text-property (match-beginning 0) 'face))

(ert-deftest llmp-highlights ()
  (llmp-test-with "//! A file.
param width: Int = 192 in 64..4_096 /// model width
docs = crawl.warc(\"a // b\") // why
  |> filter.pii { mask = [email], strict = true }
profile smoke { base.for = 20M tokens }
def clean(pages: Pages) -> Docs { if big then 1 else 2 }
"
    (dolist (pair '(("//! A" . font-lock-doc-face)
                    ("/// model" . font-lock-doc-face)
                    ("why" . font-lock-comment-face)
                    ("param" . font-lock-keyword-face)
                    ("width" . font-lock-variable-name-face)
                    ("Int" . font-lock-type-face)
                    ("192" . font-lock-constant-face)
                    ("in 64" . font-lock-keyword-face)
                    ("docs" . font-lock-variable-name-face)
                    ("crawl.warc" . font-lock-function-name-face)
                    ("a // b" . font-lock-string-face)
                    ("filter.pii" . font-lock-function-name-face)
                    ("mask" . font-lock-variable-name-face)
                    ("email" . nil)
                    ("true" . font-lock-constant-face)
                    ("profile" . font-lock-keyword-face)
                    ("base.for" . font-lock-variable-name-face)
                    ("20M" . font-lock-constant-face)
                    ("clean" . font-lock-function-name-face)
                    ("Pages" . font-lock-type-face)
                    ("if big" . font-lock-keyword-face)))
      (should (equal (cons (car pair) (llmp-test-face (car pair))) pair)))))

(ert-deftest llmp-comments ()
  (llmp-test-with "a = 1\n"
    (comment-region (point-min) (point-max))
    (should (equal (buffer-string) "// a = 1\n"))
    (uncomment-region (point-min) (point-max))
    (should (equal (buffer-string) "a = 1\n"))))

(ert-deftest llmp-indentation-keeps-formatted-files ()
  (dolist (file '("who-is.llmp" "assistant.llmp" "base.llmp" "clean.llmp"))
    (with-temp-buffer
      (insert-file-contents file)
      (llmp-mode)
      (let ((before (buffer-string))
            (inhibit-message t))
        (indent-region (point-min) (point-max))
        (should (equal (buffer-string) before))
        ;; From nothing, too.
        (goto-char (point-min))
        (while (re-search-forward "^[ ]+" nil t) (replace-match ""))
        (indent-region (point-min) (point-max))
        (should (equal (buffer-string) before))))))

(ert-deftest llmp-finds-the-stage ()
  (llmp-test-with "docs = crawl.warc(\"a\")\n  |> filter.pii\nmore = docs\n"
    (search-forward "filter")
    (should (equal (llmp--stage) "docs"))))

(ert-deftest llmp-commands ()
  (let ((file (expand-file-name "commands.llmp")) (llmp-program "llmp") (llmp-profiles '("smoke")) (typed nil))
    (with-temp-file file (insert "a = b\n"))
    (with-current-buffer (find-file-noselect file)
      (cl-letf (((symbol-function 'compile) (lambda (command) (push command typed))))
        (llmp-run)
        (llmp-run "base")
        (llmp-why "base"))
      (kill-buffer))
    (should (equal (reverse typed)
                   '("llmp run --profile smoke -- commands.llmp"
                     "llmp run --to base --profile smoke -- commands.llmp"
                     "llmp why --profile smoke -- base commands.llmp")))))

(ert-deftest llmp-imenu ()
  (llmp-test-with "param a: Int = 1\nb = f(a)\nprofile c { a = 2 }\n"
    (should (equal (sort (mapcar #'car (funcall imenu-create-index-function)) #'string<)
                   '("Params" "Profiles" "b")))))

(defun llmp-test-wait (what condition)
  "Wait until CONDITION holds, which is WHAT is waited for."
  (let ((end (time-add nil 20)))
    (while (not (funcall condition))
      (when (time-less-p end nil) (error "Waited in vain for %s" what))
      (accept-process-output nil 0.05))))

(defun llmp-test-errors ()
  "The messages of mistakes in this buffer.
What the dry run says about files that are not there is something else."
  (let ((found nil))
    (dolist (diagnostic (flymake-diagnostics) (nreverse found))
      (when (and (memq (flymake-diagnostic-type diagnostic) '(eglot-error :error))
                 (not (string-prefix-p "llmp plan" (flymake-diagnostic-text diagnostic))))
        (push (flymake-diagnostic-text diagnostic) found)))))

;; `llmp-graph' of the tests in Neovim stands in for llmp.
(ert-deftest llmp-graph-jumps ()
  (let* ((opened nil)
         (llmp-program (expand-file-name "llmp-graph"))
         (llmp-profiles '("smoke"))
         (browse-url-browser-function (lambda (url &rest _) (push url opened)))
         (file (expand-file-name "main.llmp"))
         (process (lambda () (cdr (assoc file llmp--graphs)))))
    (with-current-buffer (find-file-noselect file)
      (dotimes (times 2)
        (llmp-graph)
        (llmp-test-wait "the page" (lambda () (= (length opened) (1+ times)))))
      (should (equal (car opened) "http://127.0.0.1:9/page/"))
      ;; The second time, the first process is asked.
      (should (equal (process-lines "cat" "started") (list (concat "graph --watch --profile smoke -- " file))))
      ;; The text may have become shorter since it was drawn.
      (pcase-dolist (`(,line ,column ,there) `((1 7 ,(lambda () (= (point) 7))) (2 99 ,(lambda () (and (eolp) (> (point) 7))))))
        (with-temp-file "clicked" (insert (format "%s:%d:%d\n" (expand-file-name "common.llmp") line column)))
        (rename-file "clicked" "click")
        (llmp-test-wait "the jump"
                        (lambda ()
                          (with-current-buffer (window-buffer)
                            (and (equal (buffer-name) "common.llmp") (funcall there))))))
      ;; Other profiles make another page.
      (let ((first (funcall process))
            (llmp-profiles nil))
        (llmp-graph)
        (llmp-test-wait "another page" (lambda () (= (length opened) 3)))
        (should-not (process-live-p first)))
      (should (process-live-p (funcall process)))
      (delete-process (funcall process)))))

;; What the page's script does when its first stage is clicked.
(ert-deftest llmp-graph-with-llmp ()
  (skip-unless (file-executable-p (getenv "LLMP")))
  (let* ((opened nil)
         (llmp-program (getenv "LLMP"))
         (browse-url-browser-function (lambda (url &rest _) (push url opened))))
    (with-current-buffer (find-file-noselect "who-is.llmp")
      (llmp-graph)
      (llmp-test-wait "the page" (lambda () opened))
      (let ((url-request-method "POST"))
        (kill-buffer (url-retrieve-synchronously (concat (car opened) "jump/s0") t)))
      (llmp-test-wait "the jump"
                      (lambda ()
                        (with-current-buffer (window-buffer)
                          (and (equal (buffer-name) "who-is.llmp") (looking-at-p "docs = crawl\\|crawl")))))
      (delete-process (cdr (assoc buffer-file-name llmp--graphs))))))

(ert-deftest llmp-eglot ()
  (skip-unless (featurep 'eglot))
  (skip-unless (file-executable-p (getenv "LLMP")))
  (let ((llmp-program (getenv "LLMP"))
        (eglot-sync-connect 20)
        (eglot-autoshutdown t))
    (with-current-buffer (find-file-noselect "main.llmp")
      (apply #'eglot (eglot--guess-contact))
      (should (eglot-current-server))
      (llmp-test-wait "the mistake" (lambda () (flymake-start) (llmp-test-errors)))
      (message "diagnostics: %S" (llmp-test-errors))
      (should (string-match-p "filter.qualty" (car (llmp-test-errors))))
      (search-forward "qualty")
      (replace-match "quality")
      ;; Nobody is idle in batch.
      (eglot--signal-textDocument/didChange)
      (llmp-test-wait "no mistakes" (lambda () (flymake-start) (null (llmp-test-errors))))
      (eglot-format-buffer)
      (goto-char (point-min))
      (should (search-forward "filter.quality { min_words = 20 }" nil t))
      (goto-char (point-min))
      (search-forward "clean")
      (eglot--signal-textDocument/didChange)
      ;; It asks before it changes files that are not open.
      (find-file-noselect "common.llmp")
      (eglot-rename "tidy")
      (should (string-match-p "docs += tidy(crawl" (buffer-string)))
      (with-current-buffer (find-buffer-visiting "common.llmp")
        (should (string-match-p "def tidy(raw: Docs)" (buffer-string)))
        (set-buffer-modified-p nil))
      (set-buffer-modified-p nil)
      (eglot-shutdown (eglot-current-server)))))

(provide 'llmp-mode-test)
;;; llmp-mode-test.el ends here

;;; llmp-mode.el --- Major mode for llmp pipelines -*- lexical-binding: t -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: languages
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Highlighting, comments, indentation and imenu for `.llmp' files; `llmp run', `llmp why', `llmp log' and `llmp graph'
;; as commands; and, where eglot is, `llmp lsp' as the language server (`M-x eglot').
;;
;;     (add-to-list 'load-path "…/compiler/editors/emacs")
;;     (require 'llmp-mode)
;;     (add-hook 'llmp-mode-hook #'eglot-ensure)

;;; Code:

(require 'compile)

(defgroup llmp nil
  "Pipelines for language models."
  :group 'languages)

(defcustom llmp-program "llmp"
  "The llmp program."
  :type 'string)

(defcustom llmp-profiles nil
  "Profiles that pipelines are checked, planned and run with; later ones win."
  :type '(repeat string)
  :safe (lambda (value) (and (listp value) (not (memq nil (mapcar #'stringp value))))))

(defcustom llmp-indent-offset 2
  "Columns of a level."
  :type 'integer
  :safe #'integerp)

;;; Highlighting

(defvar llmp-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 12" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?\\ "\\" table)
    (modify-syntax-entry ?_ "_" table)
    (dolist (sign '(?= ?< ?> ?: ?, ?. ?| ?? ?+ ?- ?* ?% ?&))
      (modify-syntax-entry sign "." table))
    table)
  "Syntax of llmp.")

(defconst llmp--name "[A-Za-z_][A-Za-z0-9_]*")
(defconst llmp--path (concat llmp--name "\\(?:\\." llmp--name "\\)*"))

(defvar llmp-font-lock-keywords
  `(;; Items.
    (,(concat "^[ \t]*\\(edition\\|expect\\|import\\|param\\|profile\\|def\\|stage\\)\\_>[ \t]+[^= \t\n]")
     (1 font-lock-keyword-face))
    (,(concat "^[ \t]*param[ \t]+\\(" llmp--name "\\)") (1 font-lock-variable-name-face))
    (,(concat "^[ \t]*profile[ \t]+\\(" llmp--name "\\)") (1 font-lock-constant-face))
    (,(concat "^[ \t]*\\(?:def\\|stage\\)[ \t]+\\(" llmp--path "\\)") (1 font-lock-function-name-face))
    (,(concat "\\_<\\(per[ \t]+shard\\|runtime\\|require\\|measure\\)\\_>[ \t]+" llmp--name) (1 font-lock-keyword-face))
    ;; Types, before `=' makes names of them.
    ("\\_<[A-Z][A-Za-z0-9_]*\\_>" (0 font-lock-type-face))
    ;; Names of bindings, settings and fields.
    (,(concat "^\\(" llmp--name "\\)[ \t]*=[^=]") (1 font-lock-variable-name-face))
    (,(concat "\\_<\\(" llmp--path "\\)[ \t]*=[^=]") (1 font-lock-variable-name-face))
    (,(concat "\\_<\\(" llmp--name "\\)[ \t]*:[^=]") (1 font-lock-variable-name-face))
    ;; Words.
    ("\\_<\\(if\\|then\\|else\\|each\\|in\\|not\\|and\\|or\\)\\_>" (1 font-lock-keyword-face))
    ("\\_<\\(true\\|false\\|none\\)\\_>" (1 font-lock-constant-face))
    ;; Stages.
    (,(concat "|>[ \t]*\\(" llmp--path "\\)") (1 font-lock-function-name-face))
    (,(concat "\\_<\\(" llmp--path "\\)[ \t]*[({]") (1 font-lock-function-name-face))
    (,(concat "\\_<\\(" llmp--name "\\(?:\\." llmp--name "\\)+\\)") (1 font-lock-function-name-face))
    ;; Numbers with their suffixes.
    ("\\_<[0-9][0-9_]*\\(?:\\.[0-9][0-9_]*\\)?\\(?:[eE][-+]?[0-9]+\\)?\\(?:[A-Za-z][A-Za-z0-9_]*\\|%\\)?"
     (0 font-lock-constant-face))
    ("\\\\\\(?:[\"\\nt]\\|u{[0-9A-Fa-f]+}\\)" (0 font-lock-preprocessor-face prepend)))
  "What is highlighted besides comments and texts.")

(defun llmp--face (state)
  "The face of the comment or text that parser STATE is in."
  (cond ((nth 3 state) font-lock-string-face)
        ((save-excursion
           (goto-char (nth 8 state))
           (looking-at-p "//\\(?:!\\|/\\(?:[^/]\\|$\\)\\)"))
         font-lock-doc-face)
        (t font-lock-comment-face)))

;;; Indentation

(defun llmp--goes-on-p ()
  "Whether the line of point goes on with a value of the line before."
  (looking-at-p "[ \t]*\\(?:|>\\|\\(?:then\\|else\\)\\_>[ \t]*[^= \t]\\)"))

(defun llmp-indent-line ()
  "Indent the line by its open brackets, and more where it goes on with a value."
  (let ((column (save-excursion (beginning-of-line) (llmp--column))))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

(defun llmp--column ()
  "The column of the line at whose beginning point is."
  (let* ((state (syntax-ppss))
         (open (nth 1 state))
         (goes-on (llmp--goes-on-p)))
    (cond ((nth 3 state) (current-indentation))
          (t (let ((base (if open
                             (save-excursion (goto-char open) (back-to-indentation) (current-column))
                           (- llmp-indent-offset))))
               (cond ((looking-at-p "[ \t]*[])}]") (max base 0))
                     (goes-on (+ base (* 2 llmp-indent-offset)))
                     (t (+ base llmp-indent-offset))))))))

;;; Commands

(defvar llmp--message
  '(llmp "^ *[╭,][─-]\\[\\(.+?\\):\\([0-9]+\\):\\([0-9]+\\)\\]" 1 2 3)
  "Where llmp's messages say that something is wrong.")

(defun llmp--stage ()
  "The binding that point is in."
  (save-excursion
    (end-of-line)
    (and (re-search-backward (concat "^\\(" llmp--name "\\)[ \t]*=[^=]") nil t)
         (match-string-no-properties 1))))

(defun llmp--command-line (verb &rest about)
  "The command line of VERB, a list of words, ABOUT something, with the profiles.
Saves the buffer first."
  (unless buffer-file-name (user-error "This buffer has no file"))
  (when (buffer-modified-p) (save-buffer))
  `(,llmp-program ,@verb ,@(mapcan (lambda (profile) (list "--profile" profile)) llmp-profiles) "--" ,@about))

(defun llmp--execute (verb &optional stage)
  "Run llmp's VERB on the file of this buffer, about STAGE.
A run goes as far as STAGE."
  (let* ((run (equal verb "run"))
         (verb (cons verb (and run stage (list "--to" stage))))
         (about (delq nil (list (and (not run) stage) (file-name-nondirectory (or buffer-file-name ""))))))
    (compile (mapconcat #'shell-quote-argument (apply #'llmp--command-line verb about) " "))))

(defun llmp-run (&optional stage)
  "Run the pipeline of this buffer, as far as STAGE.
Without STAGE, which a prefix argument asks for, run all of it."
  (interactive (and current-prefix-arg (list (read-string "Stage: " (llmp--stage)))))
  (llmp--execute "run" stage))

(defun llmp-why (stage)
  "Explain why STAGE is cached, runs or is blocked."
  (interactive (list (read-string "Stage: " (llmp--stage))))
  (llmp--execute "why" stage))

(defun llmp-log (stage)
  "Show the log of STAGE."
  (interactive (list (read-string "Stage: " (llmp--stage))))
  (llmp--execute "log" stage))

;;; The graph

(defvar llmp--graphs nil
  "The processes of `llmp-graph' by the files that they draw.")

(defun llmp-graph ()
  "Show the graph of this buffer in the browser.
A click on a stage there leads to its text here.  Where the graph is
shown already, with the same profiles, its page is shown once more."
  (interactive)
  (let* ((command (llmp--command-line '("graph" "--watch") buffer-file-name))
         (file buffer-file-name)
         (process (cdr (assoc file llmp--graphs))))
    (if (and (process-live-p process) (equal (process-command process) command))
        (llmp--show-graph process)
      (when (process-live-p process)
        ;; It has nothing to say any more.
        (kill-buffer (process-get process 'messages))
        (delete-process process))
      (setf (alist-get file llmp--graphs nil nil #'equal) (llmp--start-graph command)))))

(defun llmp--start-graph (command)
  "Start COMMAND, which says a page's URL, then the places of clicked stages."
  (let* ((messages (generate-new-buffer " *llmp graph*"))
         (process (make-process :name "llmp graph" :command command :connection-type 'pipe :noquery t
                                :stderr messages :filter #'llmp--graph-said :sentinel #'llmp--graph-ended)))
    (set-process-query-on-exit-flag (get-buffer-process messages) nil)
    (set-process-sentinel (get-buffer-process messages) #'ignore)
    (process-put process 'messages messages)
    process))

(defun llmp--graph-said (process text)
  "Take TEXT from PROCESS, a part of its lines: a URL, then places."
  (let ((lines (split-string (concat (process-get process 'rest) text) "\n")))
    (process-put process 'rest (car (last lines)))
    (dolist (line (butlast lines))
      (cond ((not (process-get process 'url))
             (process-put process 'url line)
             (llmp--show-graph process))
            ((string-match "\\`\\(.+\\):\\([0-9]+\\):\\([0-9]+\\)\\'" line)
             (llmp--jump (match-string 1 line)
                         (string-to-number (match-string 2 line))
                         (string-to-number (match-string 3 line))))))))

(defun llmp--graph-ended (process event)
  "Say why PROCESS ended, which EVENT tells shortly and its messages at length."
  (let ((messages (process-get process 'messages)))
    (when (and (not (process-live-p process)) (buffer-live-p messages))
      (message "llmp graph: %s%s" event (with-current-buffer messages (buffer-string)))
      (kill-buffer messages))))

(defun llmp--show-graph (process)
  "Show the page of PROCESS, once it said where that is."
  (let ((url (process-get process 'url)))
    (when url
      (message "llmp graph: %s" url)
      (browse-url url))))

(defun llmp--jump (file line column)
  "Go to LINE and COLUMN of FILE, both counted from 1."
  (pop-to-buffer (find-file-noselect file) '((display-buffer-reuse-window display-buffer-same-window)))
  (push-mark nil t)
  (widen)
  (goto-char (point-min))
  (forward-line (1- line))
  (goto-char (min (+ (point) (1- column)) (line-end-position))))

(defvar llmp-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c C-r") #'llmp-run)
    (define-key map (kbd "C-c C-w") #'llmp-why)
    (define-key map (kbd "C-c C-l") #'llmp-log)
    (define-key map (kbd "C-c C-g") #'llmp-graph)
    map)
  "Keys of `llmp-mode'.")

;;;###autoload
(define-derived-mode llmp-mode prog-mode "llmp"
  "Major mode for llmp pipelines."
  (setq-local comment-start "// ")
  (setq-local comment-start-skip "//+!?[ \t]*")
  (setq-local indent-line-function #'llmp-indent-line)
  (setq-local indent-tabs-mode nil)
  (setq-local electric-indent-chars (append "})]>" electric-indent-chars))
  (setq-local font-lock-defaults
              '(llmp-font-lock-keywords nil nil nil (font-lock-syntactic-face-function . llmp--face)))
  (setq-local imenu-generic-expression
              `((nil ,(concat "^\\(" llmp--name "\\)[ \t]*=[^=]") 1)
                ("Params" ,(concat "^param[ \t]+\\(" llmp--name "\\)") 1)
                ("Profiles" ,(concat "^profile[ \t]+\\(" llmp--name "\\)") 1)
                ("Functions" ,(concat "^\\(?:def\\|stage\\)[ \t]+\\(" llmp--path "\\)") 1))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.llmp\\'" . llmp-mode))

(add-to-list 'compilation-error-regexp-alist-alist llmp--message)
(add-to-list 'compilation-error-regexp-alist 'llmp)

;;; Language server

(defvar eglot-server-programs)

(defun llmp--server (&rest _)
  "The language server's command line, and what it is told at the start."
  `(,llmp-program "lsp" :initializationOptions (:profiles ,(vconcat llmp-profiles))))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(llmp-mode . llmp--server)))

(provide 'llmp-mode)
;;; llmp-mode.el ends here

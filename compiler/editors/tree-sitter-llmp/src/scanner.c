// Decides which line ends separate items and entries: those behind which the next line does not go on with the last one.

#include "tree_sitter/parser.h"

enum TokenType { NEWLINE, PIPE, BAR, THEN, ELSE };

void *tree_sitter_llmp_external_scanner_create(void) { return NULL; }
void tree_sitter_llmp_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_llmp_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_llmp_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static void skip_blanks(TSLexer *lexer) {
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t' || lexer->lookahead == '\r' ||
         lexer->lookahead == 0xFEFF) {
    lexer->advance(lexer, true);
  }
}

static bool is_word(int32_t character) {
  return character == '_' || (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
         (character >= 'A' && character <= 'Z');
}

// Whether the text goes on with the rest of a word, and the word ends there.
static bool word_ends_with(TSLexer *lexer, const char *rest) {
  for (; *rest != '\0'; rest++) {
    if (lexer->lookahead != *rest) return false;
    lexer->advance(lexer, false);
  }
  return !is_word(lexer->lookahead);
}

// Whether a line that starts here goes on with what stands before it.
static bool goes_on(TSLexer *lexer, const bool *valid_symbols) {
  switch (lexer->lookahead) {
    case ')':
    case ']':
    case '}':
    case ',':
      return true;
    case '|':
      lexer->advance(lexer, false);
      return lexer->lookahead == '>' ? valid_symbols[PIPE] : valid_symbols[BAR];
    case 't':
      return valid_symbols[THEN] && word_ends_with(lexer, "then");
    case 'e':
      return valid_symbols[ELSE] && word_ends_with(lexer, "else");
    default:
      return lexer->eof(lexer);
  }
}

bool tree_sitter_llmp_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  if (!valid_symbols[NEWLINE]) return false;
  skip_blanks(lexer);
  if (lexer->lookahead != '\n') return false;
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = NEWLINE;
  // Comments between the lines belong to neither.
  for (;;) {
    skip_blanks(lexer);
    if (lexer->lookahead == '\n') {
      lexer->advance(lexer, false);
    } else if (lexer->lookahead == '/') {
      lexer->advance(lexer, false);
      if (lexer->lookahead != '/') return true;
      while (lexer->lookahead != '\n' && !lexer->eof(lexer)) lexer->advance(lexer, false);
    } else {
      return !goes_on(lexer, valid_symbols);
    }
  }
}

/**
 * @file llmp: declarative pipelines for language models
 * @license MIT OR Apache-2.0
 *
 * After spec/1-lexical.md and spec/2-grammar.md, whose names it keeps. It reads every right program, and more: what a
 * program has to say besides its shape is the compiler's business.
 */

/// <reference types="tree-sitter-cli/dsl" />

const PREC = { choice: -1, pipe: 1, or: 2, and: 3, not: 4, compare: 5, sum: 6, product: 7 };

/** Entries in brackets: commas or line ends separate them, and a comma may follow the last one. */
const entries = ($, entry) => seq(entry, repeat(seq(choice(',', $._newline), entry)), optional(','));

/** Two operands, by strength of the operator. */
const operations = operand => choice(
  ...[
    [PREC.or, ['or']],
    [PREC.and, ['and']],
    [PREC.compare, ['==', '!=', '<', '<=', '>', '>=']],
    [PREC.sum, ['+', '-']],
    [PREC.product, ['*', '/', '%']],
  ].flatMap(([level, signs]) => signs.map(sign => prec.left(level, seq(
    field('left', operand),
    field('operator', sign),
    field('right', operand),
  )))),
);

module.exports = grammar({
  name: 'llmp',

  word: $ => $.identifier,

  // Line ends mean something only between items and entries, where nothing on the next line goes on with the last one:
  // the scanner says so. Everywhere else they are space. The signs are listed to let it know where they may follow.
  externals: $ => [$._newline, '|>', '|', 'then', 'else'],

  extras: $ => [/\s/, /\uFEFF/, $.comment, $.documentation, $.file_documentation],

  supertypes: $ => [$.item, $.expression, $.type],

  rules: {
    source_file: $ => optional(seq($.item, repeat(seq($._newline, $.item)), optional($._newline))),

    // Items. Their keywords are names where `=` follows.

    item: $ => choice(
      $.edition,
      $.import,
      $.param,
      $.profile,
      $.def,
      $.stage,
      $.binding,
      $.expect,
    ),

    edition: $ => seq('edition', field('number', $.digits)),

    import: $ => seq('import', field('path', $.text)),

    param: $ => seq('param', field('name', $.identifier), $._declared),

    profile: $ => seq('profile', field('name', $.identifier), field('overrides', $.overrides)),

    overrides: $ => seq('{', optional(entries($, $.override)), '}'),

    override: $ => seq(
      optional('runtime'),
      field('path', choice($.path, alias($._runtime_path, $.path))),
      '=',
      field('value', $.expression),
    ),

    _runtime_path: $ => seq(alias('runtime', $.identifier), repeat(seq('.', $.identifier))),

    def: $ => seq(
      'def',
      field('name', $.identifier),
      field('parameters', $.parameters),
      '->',
      field('result', $.type),
      field('body', $.body),
    ),

    body: $ => seq('{', entries($, choice(alias($._local, $.binding), $.expression)), '}'),

    stage: $ => prec.right(seq(
      'stage',
      field('name', $.path),
      field('parameters', $.parameters),
      '->',
      field('result', $.type),
      optional(field('clauses', $.clauses)),
    )),

    clauses: $ => seq('{', optional(entries($, $._clause)), '}'),

    _clause: $ => choice($.per_shard, $.require, $.property, $.setting, $.measured, $.phrase),

    per_shard: $ => seq('per', 'shard', field('role', $.identifier)),

    require: $ => seq(
      'require',
      field('condition', $.expression),
      'else',
      field('message', $.expression),
    ),

    property: $ => seq(field('name', $._clause_name), '=', field('value', $.expression)),

    setting: $ => seq(optional('runtime'), field('name', $._clause_name), $._declared),

    measured: $ => seq(
      'measure',
      field('name', $.identifier),
      optional(field('keys', $.list)),
      ':',
      field('type', $.type),
    ),

    phrase: $ => seq(
      choice($.identifier, alias(choice('per', 'runtime'), $.identifier)),
      repeat1($.identifier),
    ),

    _clause_name: $ => choice(
      $.identifier,
      alias(choice('per', 'runtime', 'require', 'measure'), $.identifier),
    ),

    binding: $ => seq(
      field('name', choice(
        $.identifier,
        alias(choice('edition', 'import', 'param', 'profile', 'def', 'stage', 'expect'), $.identifier),
      )),
      '=',
      field('value', $.expression),
    ),

    // What is expected of reports: measures, numbers and params, compared.
    expect: $ => seq('expect', field('condition', $._condition)),

    _condition: $ => choice($.measure, $.number, alias($._comparison, $.binary)),

    _comparison: $ => operations($._condition),

    measure: $ => prec.right(seq(field('path', $.path), optional(field('keys', $.list)))),

    _local: $ => seq(field('name', $.identifier), '=', field('value', $.expression)),

    parameters: $ => seq('(', optional(entries($, $.parameter)), ')'),

    parameter: $ => seq(field('name', $.identifier), $._declared),

    _declared: $ => seq(
      ':',
      field('type', $.type),
      optional(seq('=', field('default', $.expression))),
      optional(seq('in', field('range', $.range))),
    ),

    range: $ => choice(
      seq(field('least', $._operation), '..', optional(field('most', $._operation))),
      seq('..', field('most', $._operation)),
    ),

    // Types

    type: $ => choice($.named_type, $.words, $.list_type, $.record_type, $.optional_type),

    optional_type: $ => seq(choice($.named_type, $.words, $.list_type, $.record_type), '?'),

    named_type: $ => seq(field('name', $.identifier), optional(field('arguments', $.type_arguments))),

    type_arguments: $ => seq('<', repeat(choice($.type_argument, ',')), '>'),

    type_argument: $ => seq(optional('+'), $.identifier),

    words: $ => seq($.identifier, repeat1(seq('|', $.identifier))),

    list_type: $ => seq('[', $.type, ']'),

    record_type: $ => seq('{', optional(entries($, alias($._type_field, $.setting))), '}'),

    _type_field: $ => seq(field('name', $.identifier), $._declared),

    // Expressions

    expression: $ => choice($.pipeline, $.interval, $._operation),

    // Binds weaker than operators, and tighter than the branch of an `if` that it ends.
    interval: $ => prec(PREC.pipe, seq(field('least', $._operation), '..', field('most', $._operation))),

    pipeline: $ => prec.right(PREC.pipe, seq(
      field('source', $._operation),
      repeat1(seq('|>', field('step', $.step))),
    )),

    step: $ => seq(
      field('stage', $.path),
      optional(field('arguments', $.arguments)),
      optional(field('settings', $.record)),
    ),

    _operation: $ => choice(
      $.binary,
      $.not,
      $.choice,
      $.call,
      $.path,
      $.number,
      $.text,
      $.boolean,
      $.none,
      $.record,
      $.list,
      $.group,
      $.each,
    ),

    binary: $ => operations($._operation),

    not: $ => prec(PREC.not, seq('not', $._operation)),

    choice: $ => prec.right(PREC.choice, seq(
      'if',
      field('condition', $.expression),
      'then',
      field('then', $.expression),
      'else',
      field('else', $.expression),
    )),

    call: $ => prec.right(seq(
      field('stage', $.path),
      choice(
        seq(field('arguments', $.arguments), optional(field('settings', $.record))),
        field('settings', $.record),
      ),
    )),

    arguments: $ => seq('(', optional(entries($, choice($.argument, $.expression))), ')'),

    argument: $ => seq(field('name', $.identifier), '=', field('value', $.expression)),

    record: $ => seq('{', optional(entries($, $.field)), '}'),

    field: $ => seq(field('name', $.identifier), '=', field('value', $.expression)),

    list: $ => seq('[', optional(entries($, $.expression)), ']'),

    group: $ => seq('(', $.expression, ')'),

    each: $ => seq('each', $.list),

    path: $ => seq($.identifier, repeat(seq('.', $.identifier))),

    // Tokens

    identifier: _ => /[A-Za-z_][A-Za-z0-9_]*/,

    number: $ => seq(optional('-'), $.digits, optional($.unit)),

    digits: _ => /[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?([A-Za-z_][A-Za-z0-9_]*|%)?/,

    unit: $ => $.identifier,

    boolean: _ => choice('true', 'false'),

    none: _ => 'none',

    text: $ => seq('"', repeat(choice($.text_content, $.escape)), token.immediate('"')),

    text_content: _ => token.immediate(prec(1, /[^"\\\n]+/)),

    escape: _ => token.immediate(/\\(["\\nt]|u\{[0-9A-Fa-f]+\})/),

    comment: _ => token(choice(/\/\/([^\/!\n][^\n]*)?/, /\/\/\/\/[^\n]*/)),

    documentation: _ => /\/\/\/([^\/\n][^\n]*)?/,

    file_documentation: _ => /\/\/![^\n]*/,
  },
});

// What package.json promises: files that are there, commands that the code registers, matchers that read llmp's messages.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const json = path => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));
const text = path => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const { contributes, main } = json('package.json');

test('files are there', () => {
  const paths = [
    main,
    ...contributes.languages.map(language => language.configuration),
    ...contributes.grammars.map(grammar => grammar.path),
    ...contributes.snippets.map(snippets => snippets.path),
  ];
  for (const path of paths) assert.ok(existsSync(new URL(`../${path}`, import.meta.url)), path);
});

test('commands are registered, and no others', () => {
  const registered = [...text('src/extension.ts').matchAll(/'(llmp\.\w+)':/g)].map(match => match[1]);
  assert.deepEqual(registered.sort(), contributes.commands.map(command => command.command).sort());
});

test('settings that the code reads exist', () => {
  const code = ['extension', 'tasks', 'profiles', 'graph'].map(name => text(`src/${name}.ts`)).join('\n');
  const read = [...code.matchAll(/\.get(?:<[^>]*>+)?\('([\w.]+)'/g)].map(match => `llmp.${match[1]}`);
  assert.ok(read.length > 0);
  for (const name of read) assert.ok(name in contributes.configuration.properties, name);
});

test('the word pattern and the indentation rules are regular expressions', () => {
  const { wordPattern, indentationRules } = json('language-configuration.json');
  assert.equal('base.for'.match(new RegExp(wordPattern, 'g')).length, 2);
  const increases = new RegExp(indentationRules.increaseIndentPattern);
  for (const line of ['base = pretrain(tokens) {', 'x = f( // {', 'a = "}" |> f [']) assert.match(line, increases);
  for (const line of ['a = f() { b = 1 }', '// f {', 'a = "{']) assert.doesNotMatch(line, increases);
  assert.match('  }', new RegExp(indentationRules.decreaseIndentPattern));
});

/** What VS Code does with a matcher of several lines: each pattern reads the line behind the last one's. It loses blank lines. */
function problems(matcher, lines) {
  const found = [];
  for (let start = 0; start + matcher.pattern.length <= lines.length; start++) {
    const problem = {};
    const fits = matcher.pattern.every(({ regexp, ...parts }, at) => {
      const match = lines[start + at].match(new RegExp(regexp));
      for (const [part, group] of Object.entries(match ? parts : {})) problem[part] = match[group];
      return match;
    });
    if (fits) found.push(problem);
  }
  return found;
}

test('matchers read the messages of llmp check', () => {
  const lines = text('test/check.txt').split('\n');
  const [errors, warnings] = contributes.problemMatchers.map(matcher => problems(matcher, lines));
  const message = 'there is no stage or function `filter.qualty`';
  assert.deepEqual(errors, [
    { message, file: 'main.llmp', line: '1', column: '27' },
    { message: 'expected a value after `=`', file: 'main.llmp', line: '2', column: '4' },
  ]);
  assert.deepEqual(warnings, [
    { message: 'the documentation belongs to nothing', file: 'main.llmp', line: '3', column: '1' },
  ]);
});

// deploy/grafana/authflow.json: a dashboard that Grafana's own types accept, whose expressions are PromQL over families that
// authflowd has. tests/e2e/test_dashboard.py runs them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const text = readFileSync(join(root, 'deploy/grafana/authflow.json'), 'utf8');
const dashboard = JSON.parse(text);
const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
const queries = panels.flatMap((panel) => panel.targets.map((target) => ({ title: panel.title, ...target })));

// What Grafana puts in the place of variables.
const VARIABLES = { __range: '3600s', __rate_interval: '60s', product: '(tool|other)', kind: '.*' };
const substituted = (expression) =>
  expression.replace(/\$(\w+)/g, (_, name) => {
    assert.ok(name in VARIABLES, `there is no variable ${name}`);
    return VARIABLES[name];
  });

// Of the parse tree: the text of each node of that name.
function nodes(expression, name) {
  const found = [];
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.name === name || (name === 'error' && node.type.isError)) found.push(expression.slice(node.from, node.to));
    },
  });
  return found;
}

// Each must be refused: else the check sees nothing.
const MISTAKES = {
  AMisspeltFieldOfAQuery: ['"expr": "sum(', '"exprr": "sum('],
  ANumberAsText: ['"h": 4', '"h": "4"'],
  AnOptionThatThePanelDoesNotHave: ['"displayMode": "basic"', '"displayMod": "basic"'],
  AValueThatTheOptionDoesNotHave: ['"mode": "multi"', '"mode": "all"'],
  AKindOfPanelThatIsNotKnown: ['"type": "bargauge"', '"type": "bar"'],
  ADataSourceByName: ['"uid": "${datasource}"}, "expr"', '"uid": "prometheus"}, "expr"'],
  APanelWithoutAUnit: ['"unit": "s"', '"decimals": 1'],
  AStyleThatLinesDoNotHave: ['"drawStyle": "bars"', '"drawStyle": "bar"'],
};

describe('types', () => {
  let folder, said;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'authflow-dashboard-'));
    symlinkSync(join(here, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'dashboard_json.ts'), readFileSync(join(here, 'lib/dashboard_json.ts')));
    const sources = [['good', text], ...Object.values(MISTAKES).map(([right, wrong], index) => {
      assert.ok(text.includes(right), right);
      return [`mistake${index}`, text.replace(right, wrong)];
    })];
    for (const [name, json] of sources) {
      // A literal, so that unknown fields are errors.
      const code = `import type { DashboardJson } from './dashboard_json.ts';\nexport const dashboard: DashboardJson = ${json};\n`;
      writeFileSync(join(folder, `${name}.ts`), code);
    }
    const options = { strict: true, noEmit: true, skipLibCheck: true, allowImportingTsExtensions: true, module: 'nodenext', types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const tsc = join(here, 'node_modules/typescript/bin/tsc');
    const ran = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
    said = ran.stdout + ran.stderr;
  });
  after(() => rmSync(folder, { recursive: true }));

  const errors = (name) => said.split('\n').filter((line) => line.startsWith(`${name}.ts(`));
  test('GrafanaAcceptsTheDashboard', () => {
    assert.deepEqual(errors('good'), [], said);
    assert.deepEqual(errors('dashboard_json'), []);
  });
  for (const [index, mistake] of Object.keys(MISTAKES).entries()) {
    test(`${mistake}IsRefused`, () => assert.notDeepEqual(errors(`mistake${index}`), [], said));
  }
});

describe('expressions', () => {
  for (const { title, refId, expr } of queries) {
    test(`IsPromQL: ${title} ${refId}`, () => assert.deepEqual(nodes(substituted(expr), 'error'), []));
  }
  test('AMistakeIsSeen', () => assert.notDeepEqual(nodes('sum by step) (x)', 'error'), []));

  test('EachFamilyIsDocumentedAndEachRuleIsThere', () => {
    const documented = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const rules = readFileSync(join(root, 'deploy/prometheus/authflow.recording.yml'), 'utf8');
    const names = new Set(queries.flatMap(({ expr }) => nodes(substituted(expr), 'VectorSelector')).map((selector) => selector.match(/^[\w:]+/)[0]));
    assert.ok(names.size > 30);
    for (const name of names) {
      const family = name.replace(/_(bucket|count|sum)$/, '');
      const short = family.replace(/.*_call(_duration_seconds)$/, '...$1');
      if (name.includes(':')) assert.ok(rules.includes(`- record: ${name}\n`), name);
      else if (!name.startsWith('process_')) assert.ok([name, family, short].some((word) => documented.includes(`\`${word}\``)), name);
    }
  });

  test('NothingIsMadeUpWhereNothingIs', () => {
    for (const { expr } of queries) assert.deepEqual(nodes(substituted(expr), 'FunctionIdentifier').filter((name) => /^(vector|absent)/.test(name)), []);
  });
});

describe('layout', () => {
  test('PanelsNeitherOverlapNorStandOutAndEachSaysWhatItShows', () => {
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
    const taken = new Set();
    for (const { title, description, type, gridPos: { x, y, w, h } } of dashboard.panels) {
      assert.ok(title && (type === 'row' || description), title);
      assert.ok(x + w <= 24, title);
      for (let row = y; row < y + h; row++) {
        for (let column = x; column < x + w; column++) {
          assert.ok(!taken.has(`${row} ${column}`), title);
          taken.add(`${row} ${column}`);
        }
      }
    }
  });

  test('APanelThatDependsOnProductsIsFilteredByTheVariables', () => {
    for (const { title, expr } of queries) {
      for (const selector of nodes(expr.replaceAll('$__range', '1h').replaceAll('$__rate_interval', '1h'), 'VectorSelector')) {
        if (/^(authflow_(?!store|build)|product)/.test(selector)) assert.match(selector, /product=~"\$product"/, title);
        if (/^(authflow_(flow|step)|product_kind)/.test(selector)) assert.match(selector, /kind=~"\$kind"/, title);
      }
    }
  });
});

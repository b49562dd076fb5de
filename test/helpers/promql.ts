/** PromQL, parsed by Prometheus' own grammar: what a query asks for, and in which unit its answer is. */
import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

export interface Selector {
  readonly metric: string;
  /** Of its label matchers. */
  readonly labels: readonly string[];
}

/**
 * What a number means: seconds, bytes or a plain count (`1`); a second or not; times a factor; a share of the like.
 * `{dimension: 's', factor: 1/3600}` are hours.
 */
export interface Unit {
  readonly dimension: 's' | 'By' | '1';
  readonly perSecond?: boolean;
  readonly factor?: number;
  readonly isShare?: boolean;
}

/** To be put in for $__rate_interval_ms: what is divided by this number is divided by time. */
export const INTERVAL_MS = 123_456_789;

/** Throws where the grammar found an error. */
export function parseQuery(expr: string): SyntaxNode {
  const tree = parser.parse(expr);
  tree.iterate({
    enter({ type, from }) {
      if (type.isError) throw new Error(`does not parse at ${from}: ${expr.slice(0, from)} ⟶ ${expr.slice(from)}`);
    },
  });
  const [query] = children(tree.topNode);
  if (query === undefined) throw new Error(`nothing is asked: ${expr}`);
  return query;
}

export function selectors(expr: string): Selector[] {
  return all(parseQuery(expr), 'VectorSelector').map((node) => ({
    metric: text(expr, node.getChild('Identifier')),
    labels: all(node, 'LabelName').map((label) => text(expr, label)),
  }));
}

/** The labels that a query's answer has: those of its outermost aggregation, of all of them in a quotient. */
export function labelsKept(expr: string): string[] {
  return [...new Set(all(parseQuery(expr), 'GroupingLabels').flatMap((node) => all(node, 'LabelName')))].map((label) =>
    text(expr, label),
  );
}

/** The unit of a query's answer, from the units of its metrics. */
export function unitOf(expr: string, unitOfMetric: (metric: string) => Unit): Unit {
  const visit = (node: SyntaxNode): Unit | number => {
    const parts = children(node);
    switch (node.name) {
      case 'NumberDurationLiteral':
        return Number(text(expr, node));
      case 'VectorSelector':
        return unitOfMetric(text(expr, node.getChild('Identifier')));
      case 'FunctionCall':
        return ofCall(
          text(expr, node.getChild('FunctionIdentifier')),
          children(node.getChild('FunctionCallBody') ?? node).map(visit),
        );
      case 'AggregateExpr':
        return visit(last(node.getChild('FunctionCallBody')));
      case 'MatrixSelector':
      case 'SubqueryExpr':
      case 'OffsetExpr':
      case 'ParenExpr':
        return visit(parts[0] ?? node);
      case 'BinaryExpr':
        return combine(parts[1]?.name ?? '', visit(parts[0] ?? node), visit(last(node)));
      default:
        throw new Error(`unit of ${node.name} in ${expr}`);
    }
  };
  const unit = visit(parseQuery(expr));
  return typeof unit === 'number' ? { dimension: '1' } : unit;
}

/** What a function is about is the one argument that is more than a number. */
function ofCall(name: string, given: readonly (Unit | number)[]): Unit | number {
  const argument = given.find((value) => typeof value !== 'number');
  if (argument === undefined) throw new Error(`${name} of nothing`);
  return name === 'rate' ? overTime(argument) : argument;
}

function overTime(unit: Unit): Unit {
  // Seconds a second: how many of them at a time.
  return unit.dimension === 's' ? { ...unit, dimension: '1' } : { ...unit, perSecond: true };
}

function combine(operator: string, left: Unit | number, right: Unit | number): Unit | number {
  if (typeof left === 'number' && typeof right === 'number') return left;
  if (typeof left === 'number' || typeof right === 'number') {
    const unit = (typeof left === 'number' ? right : left) as Unit;
    const number = (typeof left === 'number' ? left : right) as number;
    const { factor = 1 } = unit;
    if (operator === 'Mul') return { ...unit, factor: factor * number };
    if (operator !== 'Div') return unit;
    return number === INTERVAL_MS
      ? overTime({ ...unit, factor: factor / 1_000 })
      : { ...unit, factor: factor / number };
  }
  if (operator !== 'Div') return left;
  if (left.dimension === right.dimension && left.perSecond === right.perSecond)
    return { dimension: '1', isShare: true };
  if (right.dimension === '1') return left; // A sum by its count: an average.
  throw new Error(`${left.dimension} by ${right.dimension} means nothing`);
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}

function last(node: SyntaxNode | null): SyntaxNode {
  const child = node?.lastChild ?? null;
  if (child === null) throw new Error(`${node?.name ?? 'nothing'} is empty`);
  return child;
}

function all(node: SyntaxNode, name: string): SyntaxNode[] {
  const own = node.name === name ? [node] : [];
  return [...own, ...children(node).flatMap((child) => all(child, name))];
}

function text(expr: string, node: SyntaxNode | null): string {
  return node === null ? '' : expr.slice(node.from, node.to);
}

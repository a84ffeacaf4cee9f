/**
 * Forbids regular expressions that need more than linear time, in code that reads untrusted text. Reports three
 * shapes: an unbounded repetition inside another one; an unbounded repetition with something after it in an
 * unanchored pattern (a match may then start at every position and read on from there); and a lazy repetition
 * with another one after it (each step of the first tries the second again). Allows anchored patterns,
 * repetitions with an upper bound, a repetition at the very end, and patterns that begin at a line's start and
 * do not leave the line. Does not detect patterns built at run time, or two adjacent greedy repetitions in an
 * anchored pattern.
 */
import { RegExpParser, visitRegExpAST, type AST } from '@eslint-community/regexpp'
import type { Rule } from 'eslint'

/** A repetition with an upper bound this high counts as unbounded. */
const BOUND = 5_000
const isUnbounded = (node: AST.Node): node is AST.Quantifier =>
  node.type === 'Quantifier' && node.max > BOUND

function isInRepetition(node: AST.Node): boolean {
  for (let at = node.parent; at; at = at.parent) if (isUnbounded(at)) return true
  return false
}
/** Whether any part of the pattern comes after this node. */
function isFollowed(node: AST.Node): boolean {
  for (let at: AST.Node = node; at.parent; at = at.parent)
    if (at.parent.type === 'Alternative' && at.parent.elements.at(-1) !== at) return true
  return false
}
/** Whether the branch that contains this node is anchored to the start of the text. */
function isAnchored(node: AST.Node, flags: string): boolean {
  if (flags.includes('y')) return true
  let top: AST.Node = node
  while (top.parent && top.parent.type !== 'Pattern') top = top.parent
  const first = top.type === 'Alternative' ? top.elements[0] : undefined
  return first?.type === 'Assertion' && first.kind === 'start'
}

const MAY_BREAK_LINES = /[\n\r\u2028\u2029]/
/** Whether the text that a part takes may hold a line break. */
function leavesLine(node: AST.Element, flags: string): boolean {
  switch (node.type) {
    case 'CharacterSet':
      if (node.kind === 'any') return flags.includes('s')
      if (node.kind === 'space') return !node.negate
      return node.kind === 'property' || node.negate
    case 'Character':
      return MAY_BREAK_LINES.test(String.fromCodePoint(node.value))
    case 'CharacterClass':
      return new RegExp(node.raw, flags.replace(/[gymd]/g, '')).test('\n')
    case 'Quantifier':
      return leavesLine(node.element, flags)
    case 'Group':
    case 'CapturingGroup':
      return node.alternatives.some(({ elements }) => elements.some((e) => leavesLine(e, flags)))
    default:
      return false
  }
}
/** Whether another unbounded repetition follows it in the same branch. */
function isRepeatedLater(node: AST.Node): boolean {
  for (let at: AST.Node = node; at.parent; at = at.parent) {
    if (at.parent.type !== 'Alternative') continue
    const { elements } = at.parent
    const following = elements.slice(elements.findIndex((element) => element === at) + 1)
    if (following.some((element) => holdsUnbounded(element))) return true
  }
  return false
}
function holdsUnbounded(element: AST.Element): boolean {
  if (element.type === 'Quantifier') return element.max > BOUND || holdsUnbounded(element.element)
  return (
    (element.type === 'Group' || element.type === 'CapturingGroup') &&
    element.alternatives.some(({ elements }) => elements.some((inner) => holdsUnbounded(inner)))
  )
}

type Problem = 'nested' | 'restarts' | 'rereads'

function problemOf(pattern: string, flags: string): Problem | null {
  let problem: Problem | null = null
  try {
    const unicode = flags.includes('u') || flags.includes('v')
    const ast = new RegExpParser().parsePattern(pattern, undefined, undefined, { unicode })
    visitRegExpAST(ast, {
      onQuantifierEnter(node) {
        if (!isUnbounded(node)) return
        const startsOften =
          !isAnchored(node, flags) || (flags.includes('m') && leavesLine(node.element, flags))
        if (isInRepetition(node)) problem ??= 'nested'
        else if (isFollowed(node) && startsOften) problem ??= 'restarts'
        else if (!node.greedy && isRepeatedLater(node)) problem ??= 'rereads'
      },
    })
  } catch {
    return null // not a valid pattern; other rules and the compiler report it
  }
  return problem
}

export const noUnboundedRegex: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      nested: 'A repetition within a repetition takes exponential time on untrusted text.',
      restarts:
        'An unbounded repetition with something after it takes quadratic time on untrusted text: anchor the pattern, give it an upper bound, or scan with indexOf.',
      rereads:
        'A lazy repetition with another one after it takes quadratic time on untrusted text: split the text, or trim the end separately.',
    },
  },
  create(context) {
    function check(node: Rule.Node, pattern: unknown, flags: unknown): void {
      if (typeof pattern !== 'string') return
      const messageId = problemOf(pattern, typeof flags === 'string' ? flags : '')
      if (messageId) context.report({ node, messageId })
    }
    return {
      Literal(node) {
        if ('regex' in node) check(node, node.regex.pattern, node.regex.flags)
      },
      'NewExpression[callee.name="RegExp"], CallExpression[callee.name="RegExp"]'(node: Rule.Node) {
        if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return
        const [pattern, flags] = node.arguments
        if (pattern?.type === 'Literal')
          check(node, pattern.value, flags?.type === 'Literal' ? flags.value : '')
      },
    }
  },
}

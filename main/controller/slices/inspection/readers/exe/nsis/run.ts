/**
 * Follows an NSIS script as a silent run on a fresh 64-bit PC would (NSIS, Source/exehead/exec.c), with a registry and variables that
 * exist only here. What the script cannot know without a PC is empty, so some branches stay unseen; `scan` finds what they register.
 */
import type { Piece, Script } from './script.ts'

/** Opcodes. */
const OP = {
  return: 1,
  jump: 2,
  abort: 3,
  quit: 4,
  call: 5,
  ifFileExists: 12,
  setFlag: 13,
  ifFlag: 14,
  getFlag: 15,
  extractFile: 20,
  messageBox: 22,
  length: 24,
  assign: 25,
  compareText: 26,
  readEnvironment: 27,
  compareNumber: 28,
  calculate: 29,
  pushPop: 31,
  shellExecute: 40,
  execute: 41,
  plugin: 44,
  writeRegistry: 51,
  readRegistry: 52,
} as const
/** Numbers of flags. */
const FLAG = { allUsers: 1, error: 2, silent: 8, view: 12 } as const
const VIEW_64 = 256
const VARIABLE = { installDir: 21, outDir: 22, pluginsDir: 26 } as const

const STEP_LIMIT = 200_000
const DEPTH_LIMIT = 50
const STACK_LIMIT = 1_000
const TEXT_LIMIT = 4_096
const WRITE_LIMIT = 5_000
const TOTAL_TEXT_LIMIT = 16 * 1024 * 1024
/** What inserting a variable or another text costs, in characters of the limit. */
const PIECE_COST = 32

export type RegistryWrite = {
  /** Registry root. 0: that of all users or of one user, depending on `isForAllUsers`. */
  root: number
  key: string
  name: string
  value: string
  /** Whether every part of it is known. */
  isKnown: boolean
  /** Written where 64-bit programs register. */
  is64Bit: boolean
  isForAllUsers: boolean
  /** It differs by the language of the PC. */
  isTranslated: boolean
}
export type Outcome = {
  writes: RegistryWrite[]
  /** Names of the files that it unpacks. */
  files: string[]
  /** Questions that wait for an answer even in a silent run. */
  questions: string[]
  /** The script turns silent mode off. */
  leavesSilentMode: boolean
  /** Other programs that it starts. */
  started: string[]
  installDir: string
}

/** Folders of the shell (CSIDL), as Windows names them in variables. */
const FOLDERS: Readonly<Record<number, string>> = {
  0x02: '%AppData%\\Microsoft\\Windows\\Start Menu\\Programs',
  0x1a: '%AppData%',
  0x1c: '%LocalAppData%',
  0x23: '%ProgramData%',
  0x24: '%SystemRoot%',
  0x25: '%SystemRoot%\\System32',
  0x26: '%ProgramFiles%',
  0x28: '%UserProfile%',
}
/** An NSIS installer is mostly a 32-bit program, for which `$PROGRAMFILES` is the folder of those. */
const folderOf = (user: number, is64Bit: boolean): string => {
  if ((user & 0x80) === 0) return FOLDERS[user] ?? '\ufffd'
  return (user & 0x40) !== 0 || is64Bit ? '%ProgramW6432%' : '%ProgramFiles(x86)%'
}

/** U+FFFD marks what is not known. */
const UNKNOWN = '\ufffd'
const numberOf = (text: string): number => {
  const value = /^\s*[+-]?(?:0x[0-9a-f]+|\d+)/i.exec(text)
  return value ? Math.trunc(Number(value[0])) | 0 : 0
}

const isTranslated = (script: Script, position: number): boolean =>
  script.string(position).some((piece) => typeof piece === 'object' && 'language' in piece)

export function runScript(script: Script): Outcome {
  const variables = new Map<number, string>()
  const flags = new Map<number, number>([[FLAG.silent, 1]])
  const stack: string[] = []
  const outcome: Outcome = {
    writes: [],
    files: [],
    questions: [],
    leavesSilentMode: false,
    started: [],
    installDir: '',
  }
  let steps = 0
  let textLeft = TOTAL_TEXT_LIMIT

  function expand(pieces: readonly Piece[], depth = 0): string {
    let text = ''
    textLeft -= 1
    for (const piece of pieces) {
      // Pieces that add nothing to the text take time as well.
      textLeft -= typeof piece === 'string' ? piece.length : PIECE_COST
      if (text.length >= TEXT_LIMIT || textLeft <= 0) break
      if (typeof piece === 'string') text += piece
      else if ('variable' in piece) text += variables.get(piece.variable) ?? ''
      else if ('folder' in piece) text += folderOf(piece.folder[0], script.is64Bit)
      else if (depth < 4)
        text += expand(script.string(script.languageString(piece.language)), depth + 1)
    }
    textLeft -= text.length
    return text.slice(0, TEXT_LIMIT)
  }
  const text = (position: number): string => expand(script.string(position))
  const flag = (index: number): number => flags.get(index) ?? 0
  const push = (value: string): void => {
    if (stack.length < STACK_LIMIT) stack.push(value)
  }
  const setError = (): void => void flags.set(FLAG.error, 1)

  function calculate(a: number, b: number, operator: number): number {
    switch (operator) {
      case 0:
        return a + b
      case 1:
        return a - b
      case 2:
        return a * b
      case 3:
        return b === 0 ? 0 : Math.trunc(a / b)
      case 4:
        return a | b
      case 5:
        return a & b
      case 6:
        return a ^ b
      case 7:
        return a === 0 ? 1 : 0
      case 8:
        return a !== 0 || b !== 0 ? 1 : 0
      case 9:
        return a !== 0 && b !== 0 ? 1 : 0
      case 10:
        return b === 0 ? 0 : a % b
      default:
        return 0
    }
  }
  /** Plugins leave their results on the stack. Only those that decide where and whether something is installed are imitated. */
  function callPlugin(name: string): void {
    const argument = stack.at(-1) ?? ''
    if (/GetAccountType/i.test(name)) push('Admin')
    else if (/GetName/i.test(name)) push('SYSTEM')
    else if (
      /^Call$/i.test(name) &&
      /IsWow64Process|GetNativeSystemInfo|GetCurrentProcess/i.test(argument)
    ) {
      stack.pop()
      push('1')
    } else if (/^Call$/i.test(name)) {
      stack.pop()
      push('0')
    }
  }
  function ask(options: number, question: number, answers: readonly number[]): number {
    const answer = options >>> 21
    if (answer === 0) outcome.questions.push(text(question))
    const [first, toFirst, second, toSecond] = answers as [number, number, number, number]
    if (answer !== 0 && answer === second) return toSecond
    if (answer === 0 || answer === first) return toFirst
    return 0
  }

  /** @returns false: the installer ends here */
  function runFrom(start: number, depth: number): boolean {
    for (let at = start; at >= 0 && at < script.entries.length;) {
      if (++steps > STEP_LIMIT || textLeft <= 0) return false
      const [opcode, a, b, c, d, e, f] = script.entries[at]!
      let jump = 0
      switch (opcode) {
        case OP.return:
          return true
        case OP.abort:
        case OP.quit:
          return false
        case OP.jump:
          jump = a
          break
        case OP.call: {
          const to = a < 0 ? numberOf(variables.get(-a - 1) ?? '') : a
          if (depth < DEPTH_LIMIT && !runFrom(to - 1, depth + 1)) return false
          break
        }
        case OP.ifFileExists:
          jump = c
          break
        case OP.setFlag: {
          const value = numberOf(text(b))
          flags.set(a, value)
          if (a === FLAG.silent && value === 0) outcome.leavesSilentMode = true
          break
        }
        case OP.ifFlag:
          jump = flag(c) !== 0 ? a : b
          flags.set(c, flag(c) & d)
          break
        case OP.getFlag:
          variables.set(a, String(flag(b)))
          break
        case OP.extractFile:
          if (outcome.files.length < WRITE_LIMIT) outcome.files.push(text(b))
          break
        case OP.messageBox:
          if (outcome.questions.length < 20) jump = ask(a, b, [c, d, e, f])
          break
        case OP.length:
          variables.set(a, String(text(b).length))
          break
        case OP.assign: {
          const whole = text(b)
          const length = numberOf(text(c))
          const from = numberOf(text(d))
          const cut = whole.slice(from < 0 ? Math.max(0, whole.length + from) : from)
          const isCut = script.string(c).length > 0
          variables.set(a, isCut ? cut.slice(0, length) : cut)
          break
        }
        case OP.compareText: {
          const [left, right] = [text(a), text(b)]
          const isEqual = e === 0 ? left.toLowerCase() === right.toLowerCase() : left === right
          jump = isEqual ? c : d
          break
        }
        case OP.compareNumber: {
          const [left, right] = [numberOf(text(a)), numberOf(text(b))]
          jump = left === right ? c : left < right ? d : e
          break
        }
        case OP.readEnvironment:
        case OP.readRegistry:
          variables.set(a, '')
          setError()
          break
        case OP.calculate:
          variables.set(a, String(calculate(numberOf(text(b)), numberOf(text(c)), d) | 0))
          break
        case OP.pushPop: {
          if (c !== 0) {
            const index = stack.length - 1 - c
            if (index >= 0) [stack[index], stack[stack.length - 1]] = [stack.at(-1)!, stack[index]!]
          } else if (b !== 0) {
            const value = stack.pop()
            if (value === undefined) setError()
            variables.set(a, value ?? '')
          } else push(text(a))
          break
        }
        case OP.shellExecute:
        case OP.execute:
          if (outcome.started.length < 100)
            outcome.started.push(text(opcode === OP.execute ? a : b))
          break
        case OP.plugin:
          callPlugin(text(b))
          break
        case OP.writeRegistry:
          write(a, [text(b), text(c), text(d)], isTranslated(script, d))
          break
      }
      if (jump < 0) jump = numberOf(variables.get(-jump - 1) ?? '')
      at = jump > 0 ? jump - 1 : at + 1
    }
    return true
  }
  function write(
    root: number,
    [key, name, value]: readonly [string, string, string],
    translated: boolean,
  ): void {
    if (outcome.writes.length >= WRITE_LIMIT) return
    outcome.writes.push({
      root: root >>> 0,
      key,
      name,
      value,
      isKnown: !value.includes(UNKNOWN) && !key.includes(UNKNOWN),
      is64Bit: script.is64Bit || (flag(FLAG.view) & VIEW_64) !== 0,
      isForAllUsers: flag(FLAG.allUsers) !== 0,
      isTranslated: translated,
    })
  }

  variables.set(VARIABLE.pluginsDir, '%Temp%\\plugins')
  variables.set(VARIABLE.installDir, expand(script.installDir))
  let goesOn = script.onInit < 0 || runFrom(script.onInit, 0)
  for (const section of script.sections) goesOn &&= runFrom(section, 0)
  if (goesOn && script.onSuccess >= 0) runFrom(script.onSuccess, 0)
  outcome.installDir = variables.get(VARIABLE.installDir) ?? ''
  return outcome
}

/** Every value that the script could register, in the order of the script, whether or not a run reaches it. */
export function scan(script: Script): RegistryWrite[] {
  const found: RegistryWrite[] = []
  let left = TOTAL_TEXT_LIMIT
  let { is64Bit } = script
  const literal = (position: number, depth = 0): string => {
    let text = ''
    left -= 1
    for (const piece of script.string(position)) {
      if (text.length >= TEXT_LIMIT || left <= 0) break
      left -= typeof piece === 'string' ? piece.length : PIECE_COST
      if (typeof piece === 'string') text += piece
      else if ('language' in piece && depth < 4)
        text += literal(script.languageString(piece.language), depth + 1)
      else text += UNKNOWN
    }
    text = text.slice(0, TEXT_LIMIT)
    left -= text.length
    return text
  }
  for (const [opcode, root, key, name, value] of script.entries) {
    if (found.length === WRITE_LIMIT || left <= 0) break
    if (opcode === OP.setFlag && root === FLAG.view && !script.is64Bit)
      is64Bit = (numberOf(literal(key)) & VIEW_64) !== 0
    if (opcode !== OP.writeRegistry) continue
    const texts = [literal(key), literal(name), literal(value)] as const
    const isKnown = !texts.join('').includes(UNKNOWN)
    found.push({
      root: root >>> 0,
      key: texts[0],
      name: texts[1],
      value: texts[2],
      isKnown,
      is64Bit,
      isForAllUsers: true,
      isTranslated: isTranslated(script, value),
    })
  }
  return found
}

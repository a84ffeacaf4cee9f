/**
 * Simulates a silent run of an NSIS script on a new 64-bit PC (NSIS, Source/exehead/exec.c). Nothing is executed or written: its
 * variables exist only here, and whatever it reads from the PC is empty. It therefore never takes some branches; `scanWrites` finds
 * what those would register.
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
  plugin: 44,
  writeRegistry: 51,
  readRegistry: 52,
} as const
/** Flags that a script can set and test, by their index in `exec_flags_t`. */
const FLAG = { allUsers: 1, error: 2, silent: 8, registryView: 12 } as const
/** The 64-bit view of the registry (KEY_WOW64_64KEY). */
const VIEW_64 = 256
/** Predefined variables, by index. */
const VARIABLE = { installDir: 21, pluginsDir: 26 } as const
/** Stands for a part of a text that depends on the PC. */
const UNKNOWN = '\ufffd'

const STEP_LIMIT = 200_000
const DEPTH_LIMIT = 50
const STACK_LIMIT = 1_000
/** Characters of one text. */
const TEXT_LIMIT = 4_096
const WRITE_LIMIT = 5_000
const QUESTION_LIMIT = 20
/** Characters that all texts of a run may have together. */
const TOTAL_TEXT_LIMIT = 16 * 1024 * 1024
/** A placeholder counts as this many characters, because expanding one takes time even if its value is empty. */
const PIECE_COST = 32

export type RegistryWrite = {
  /** Registry root (HKEY). 0: HKEY_LOCAL_MACHINE if `isForAllUsers`, otherwise HKEY_CURRENT_USER. */
  root: number
  key: string
  name: string
  value: string
  /** False: a part of it depends on the PC, and is U+FFFD. */
  isKnown: boolean
  /** Written to the registry view of 64-bit programs. */
  is64Bit: boolean
  isForAllUsers: boolean
  /** The value depends on the language of the PC. */
  isTranslated: boolean
}
export type Outcome = {
  writes: RegistryWrite[]
  /** Paths of the files that it unpacks, with variables expanded. */
  files: string[]
  /** Questions that wait for an answer even in a silent run. */
  questions: string[]
  /** The script turns silent mode off. */
  disablesSilentMode: boolean
  installDir: string
}

/** Shell folders by CSIDL, as paths with environment variables. */
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
/**
 * The user's folder of a placeholder. 0x80 stands for `$PROGRAMFILES`, with 0x40 for `$PROGRAMFILES64`. Most installers are 32-bit
 * programs, for which `$PROGRAMFILES` is the 32-bit folder.
 */
const folderOf = (user: number, is64Bit: boolean): string => {
  if ((user & 0x80) === 0) return FOLDERS[user] ?? UNKNOWN
  return (user & 0x40) !== 0 || is64Bit ? '%ProgramW6432%' : '%ProgramFiles(x86)%'
}

/** A decimal or hexadecimal number at the start of a text, as 32 bits; 0 if there is none. */
const numberOf = (text: string): number => {
  const value = /^\s*[+-]?(?:0x[0-9a-f]+|\d+)/i.exec(text)
  return value ? Math.trunc(Number(value[0])) | 0 : 0
}

const isTranslated = (script: Script, position: number): boolean =>
  script.string(position).some((piece) => typeof piece === 'object' && 'language' in piece)

/** @returns what the script did until it ended, or until a limit of this file was reached */
export function simulateRun(script: Script): Outcome {
  const variables = new Map<number, string>()
  const flags = new Map<number, number>([[FLAG.silent, 1]])
  const stack: string[] = []
  const outcome: Outcome = {
    writes: [],
    files: [],
    questions: [],
    disablesSilentMode: false,
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
  /** Plug-ins return their results on the stack. Simulates only those that decide whether and where something is installed. */
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
  /**
   * Answers a message box: with its answer for silent runs (`/SD`), which is in the upper bits of `options`, or else with its first
   * button.
   * @param targets the first button and its jump target, the second button and its jump target
   * @returns the jump target; 0: the next instruction
   */
  function answerMessageBox(options: number, question: number, targets: readonly number[]): number {
    const silentAnswer = options >>> 21
    if (silentAnswer === 0) outcome.questions.push(text(question))
    const [first, toFirst, second, toSecond] = targets as [number, number, number, number]
    if (silentAnswer !== 0 && silentAnswer === second) return toSecond
    if (silentAnswer === 0 || silentAnswer === first) return toFirst
    return 0
  }

  /** Runs instructions until a function or section returns. @returns false when the whole installer ended */
  function runFrom(start: number, depth: number): boolean {
    for (let at = start; at >= 0 && at < script.instructions.length;) {
      if (++steps > STEP_LIMIT || textLeft <= 0) return false
      // The parameters are those that fileform.h lists for each EW_* opcode.
      const [opcode, a, b, c, d, e, f] = script.instructions[at]!
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
          if (a === FLAG.silent && value === 0) outcome.disablesSilentMode = true
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
          if (outcome.questions.length < QUESTION_LIMIT) jump = answerMessageBox(a, b, [c, d, e, f])
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
        case OP.plugin:
          callPlugin(text(b))
          break
        case OP.writeRegistry:
          recordWrite(a, [text(b), text(c), text(d)], isTranslated(script, d))
          break
      }
      // 0: no jump. Positive: the index of an instruction, plus 1. Negative: variable `-jump - 1` has such a number.
      if (jump < 0) jump = numberOf(variables.get(-jump - 1) ?? '')
      at = jump > 0 ? jump - 1 : at + 1
    }
    return true
  }
  function recordWrite(
    root: number,
    [key, name, value]: readonly [string, string, string],
    dependsOnLanguage: boolean,
  ): void {
    if (outcome.writes.length >= WRITE_LIMIT) return
    outcome.writes.push({
      root: root >>> 0,
      key,
      name,
      value,
      isKnown: !value.includes(UNKNOWN) && !key.includes(UNKNOWN),
      is64Bit: script.is64Bit || (flag(FLAG.registryView) & VIEW_64) !== 0,
      isForAllUsers: flag(FLAG.allUsers) !== 0,
      isTranslated: dependsOnLanguage,
    })
  }

  variables.set(VARIABLE.pluginsDir, '%Temp%\\plugins')
  variables.set(VARIABLE.installDir, expand(script.installDir))
  let isRunning = script.onInit < 0 || runFrom(script.onInit, 0)
  for (const section of script.sections) isRunning &&= runFrom(section, 0)
  if (isRunning && script.onInstSuccess >= 0) runFrom(script.onInstSuccess, 0)
  outcome.installDir = variables.get(VARIABLE.installDir) ?? ''
  return outcome
}

/**
 * Every value that the script could write to the registry, in the order of the script, whether or not a run reaches it. Variables and
 * folders are unknown.
 */
export function scanWrites(script: Script): RegistryWrite[] {
  const found: RegistryWrite[] = []
  let textLeft = TOTAL_TEXT_LIMIT
  let { is64Bit } = script
  const literal = (position: number, depth = 0): string => {
    let text = ''
    textLeft -= 1
    for (const piece of script.string(position)) {
      if (text.length >= TEXT_LIMIT || textLeft <= 0) break
      textLeft -= typeof piece === 'string' ? piece.length : PIECE_COST
      if (typeof piece === 'string') text += piece
      else if ('language' in piece && depth < 4)
        text += literal(script.languageString(piece.language), depth + 1)
      else text += UNKNOWN
    }
    text = text.slice(0, TEXT_LIMIT)
    textLeft -= text.length
    return text
  }
  for (const [opcode, root, key, name, value] of script.instructions) {
    if (found.length === WRITE_LIMIT || textLeft <= 0) break
    if (opcode === OP.setFlag && root === FLAG.registryView && !script.is64Bit)
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

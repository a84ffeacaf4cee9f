/**
 * The supervisor as a shell script, for Linux and macOS: a shell starts in a millisecond, Node in a hundred. It outlives
 * the agent, starts the installer when the agent says so, and records how it ended. Everything else (output, time limit)
 * is the agent's work. If the agent ends, the script starts the agent's program again as a stand-in.
 *
 * It runs in dash, bash and BusyBox. It reads `go` and `end` from its standard input and prints `ready`, `pid N`,
 * and how the installer ended, as in its record.
 */
import { SERVICE_UMASK } from '../lib/umask.ts'
import { attemptFiles, shellFiles, type Spec } from './files.ts'

/**
 * Becomes the installer. The trap runs only if `exec` fails. It has a session of its own, as a child of the agent would:
 * it can be killed as a whole.
 */
const INNER = [
  // In a subshell, because the installer must be able to end by SIGPIPE.
  `(trap '' PIPE; echo "pid $$" >&4) 2>/dev/null`,
  `trap ': >"$0"' EXIT`,
  'unset PWD OLDPWD SHLVL',
  'exec "$@" </dev/null >&3 2>&3 3>&- 4>&-',
].join('\n')

const PERL_SESSION = 'use POSIX; POSIX::setsid(); exec { $ARGV[0] } @ARGV or exit 127'

/**
 * Arguments: folder, pipe, the files of `shellFiles`, id of the attempt, number of words of the agent's command, these
 * words, the installer's command.
 *
 * A shell reports a signal as 128 + n, like an exit code, but also prints a message about it.
 */
const SCRIPT = `
trap '' TERM INT HUP PIPE QUIT
umask 077
folder=$1 pipe=$2 record=$3 started=$4 died=$5 failed=$6 attempt=$7 count=$8
shift 8
if command -v setsid >/dev/null; then session() { exec setsid "$@"; }
elif command -v perl >/dev/null; then session() { exec perl -e '${PERL_SESSION}' "$@"; }
else exit 3
fi
[ -p "$pipe" ] || mkfifo "$pipe" || exit 3
echo ready
read -r word
if [ "$word" != go ]; then
  echo '{"not_started":true}' >"$record"
  exit 0
fi
# Kept by the guard: what the installer has written is still there for a stand-in.
exec 5<&0 7<>"$pipe" 6<"$pipe" 7>&- </dev/null
(
  read -r word <&5
  [ "$word" = end ] && exit 0
  exec 5<&-
  # Without its records, nobody can attend; but the installer must be able to write.
  [ -e "$folder/spec.json" ] || exec cat <&6
  i=0
  for word; do
    [ $i -lt "$count" ] && set -- "$@" "$word"
    i=$((i + 1))
    shift
  done
  exec "$@" attend "$folder"
) >/dev/null &
exec 2>"$died"
: >"$started"
(
  trap - TERM INT HUP PIPE QUIT
  umask ${SERVICE_UMASK.toString(8).padStart(3, '0')}
  shift "$count"
  DEPLOYX_ATTEMPT_ID=$attempt
  export DEPLOYX_ATTEMPT_ID
  session /bin/sh -c '${INNER.replaceAll("'", `'\\''`)}' "$failed" "$@"
) 3<>"$pipe" 4>&1 5<&- 6<&-
code=$?
exec 2>/dev/null
if [ -e "$failed" ]; then what=unstarted
elif [ -s "$died" ] && [ $code -gt 128 ]; then what=signal
else what=exit
fi
# The installer may have deleted it.
[ -d "$folder" ] || mkdir -p "$folder"
echo "{\\"$what\\":$code}" >"$record"
echo "$what $code"
`

/**
 * The words of the command that runs it. @param standIn the agent's own program
 */
export function shellSupervisor(
  folder: string,
  spec: Spec,
  record: string,
  standIn: readonly string[],
): string[] {
  const files = shellFiles(folder, record)
  const { file, args } = spec.command
  return [
    '/bin/sh',
    '-c',
    SCRIPT,
    // Shown in lists of processes.
    'supervise',
    folder,
    attemptFiles(folder).pipe,
    files.record,
    files.started,
    files.messages,
    files.failed,
    spec.attempt_id,
    String(standIn.length),
    ...standIn,
    file,
    ...args,
  ]
}

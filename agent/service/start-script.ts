/**
 * The script that systemd and launchd start. It replaces itself with the agent; while an update is on trial,
 * it stays the parent process and rolls the update back if it fails. Plain sh (POSIX), because it must work
 * when the agent does not. On Windows, windows-helper/helper.c does the same; both use the same files
 * (update/places.ts) and the same limits.
 */
import { UPDATE_GUARD } from './layout.ts'

/** Starts that an executable on trial gets to confirm itself … */
export const STARTS_LIMIT = 3
/** … and how long each may take until it has a link to the controller. */
export const LINK_LIMIT_SECONDS = 600

/** @param executable its file name, next to the script */
export const startScript = (
  executable: string,
  linkLimitSeconds = LINK_LIMIT_SECONDS,
): string => `#!/bin/sh
# Starts the DeployX agent; written by deployx-agent install-service.
folder=$(cd "$(dirname "$0")" && pwd) || exit 1
agent="$folder/${executable}"
previous="$agent.previous"
trial="$folder/update-trial"
verdict="$folder/update-taken-back"
${UPDATE_GUARD}=1
export ${UPDATE_GUARD}

# No failure here may be permanent: what fails now is retried at the next start.
roll_back() {
  [ ! -f "$previous" ] || mv -f "$previous" "$agent"
  echo "$1" > "$verdict"
  rm -f "$trial"
}

[ -f "$agent" ] || [ ! -f "$previous" ] || mv -f "$previous" "$agent"
[ -f "$trial" ] || exec "$agent" "$@"

# An update is on trial. Its count of starts may have been lost with the power: then it starts again at zero.
read -r starts < "$trial" || starts=0
case $starts in '' | *[!0-9]* | 0?* | ??????*) starts=0 ;; esac
if [ ! -f "$previous" ] || [ "$starts" -ge ${STARTS_LIMIT} ]; then
  roll_back starts
  exec "$agent" "$@"
fi
if ! { echo $((starts + 1)) > "$trial.tmp" && mv -f "$trial.tmp" "$trial"; }; then
  # Without a count (a full disk) the trial would never end.
  roll_back starts
  exec "$agent" "$@"
fi

child=
stopping=
stop() {
  stopping=1
  [ -z "$child" ] || kill -TERM "$child" 2> /dev/null
}
trap stop TERM INT HUP
"$agent" "$@" &
child=$!
[ -z "$stopping" ] || kill -TERM "$child" 2> /dev/null

waited=0
while [ -f "$trial" ] && [ -z "$stopping" ] && kill -0 "$child" 2> /dev/null; do
  if [ "$waited" -ge ${linkLimitSeconds} ]; then
    kill -KILL "$child" 2> /dev/null
    wait "$child"
    roll_back link
    exec "$agent" "$@"
  fi
  sleep 1
  waited=$((waited + 1))
done
if [ -n "$stopping" ]; then
  # An agent that hangs would keep the state folder locked for the next start.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$child" 2> /dev/null || break
    sleep 1
  done
  kill -KILL "$child" 2> /dev/null
fi
# A signal interrupts the wait while the agent still runs.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2> /dev/null || break
done
# During a trial every failure exits with 1, so that the service manager always starts it again.
[ -f "$trial" ] && [ "$code" -ne 0 ] && exit 1
exit "$code"
`

/** English texts about restarts of PCs; see plain.en.ts. */

/** How the controller ends a restart, and what it notes meanwhile. */
export const RESTARTS = {
  restart_canceled: 'Cancelled before it was ordered.',
  restart_withdrawn: 'Cancelled.',
  restart_done: 'Restarted after its notice.',
  restarted_by_itself: 'It restarted by itself, or somebody restarted it.',
  restart_did_not_happen:
    'The PC was not restarted at the end of its notice: someone may have cancelled it there. It will not restart for this deployment any more.',
  restart_device_gone: '{device} was removed or blocked before it was ordered.',
  restart_device_gone_meanwhile:
    '{device} was removed or blocked after its restart was ordered, so it is unknown whether it restarts.',
  restart_agent_too_old: 'The agent on {device} is too old to restart its PC. Update the agent.',
  restart_not_ordered_in_time:
    'The restart could not be ordered within {n} hour. | The restart could not be ordered within {n} hours.',
  restart_device_away:
    '{device} was away or at work for {n} hour. | {device} was away or at work for {n} hours.',
  restart_device_not_back:
    '{device} has not reconnected for {n} hour. | {device} has not reconnected for {n} hours.',
  restart_not_confirmed: 'The agent on {device} did not confirm that its restart is withdrawn.',
  /** In previews. */
  cannot_restart_too_old: 'Its agent is too old to restart its PC. Update the agent.',
} as const

/** Why an agent cannot restart its PC. */
export const INABILITIES = {
  cannot_restart_from_folder:
    'Its agent installs into a folder (--install-root) and restarts nothing.',
  cannot_restart_from_sources:
    'Its agent runs from its sources and restarts nothing. Install the packaged agent.',
  cannot_restart_without_rights:
    'Its agent runs without administrator rights. Install it as a service.',
  cannot_restart_without_systemd: 'It does not run systemd, which the agent needs to restart a PC.',
  cannot_restart_boot_unknown: 'This PC cannot distinguish one boot from the next.',
} as const

/** Why an agent refuses an order to restart its PC. */
export const RESTART_REFUSALS = {
  ...INABILITIES,
  restart_order_old: 'The order is older than the last one that this agent received.',
  restart_already_scheduled: 'Another restart was scheduled.',
  restart_tool_missing: 'The program that restarts this PC is missing.',
  restart_tool_stopped: 'The restart command could not be run, or did not end in time.',
  restart_tool_failed: 'The restart command failed: exit code {exit_code}.',
  restart_tool_failed_saying: 'The restart command failed: exit code {exit_code}: {line}',
} as const

/** English texts about updates of agents; see plain.en.ts. */

/** Why an agent cannot update itself. */
export const UPDATE_OBSTACLES = {
  update_from_sources: 'It runs from its sources.',
  update_needs_service:
    'It is not installed as a service that can roll back an update. Run install-service on the PC once.',
  place_writable: 'Other users may write to {path}.',
  place_unknown: '{path} cannot be examined: {error}.',
  update_agent_too_old:
    'This agent is too old to update itself. Run the command from Add PCs on the PC once.',
} as const

/** How an update fails. */
export const UPDATES = {
  update_failed: 'The update failed: {error}',
  update_not_answered: 'The agent did not answer.',
  update_not_reported: 'It did not report back.',
  update_stopped: 'It failed on other PCs, so it is not installed here automatically.',
  update_not_running:
    'Version {version} did not keep running on this PC. The previous version was restored.',
  update_not_linked:
    'Version {version} did not reach the controller in time. The previous version was restored.',
  update_interrupted:
    'The change to version {version} was interrupted. The previous version was restored.',
  update_agent_ended: 'The agent ended {times} times while it prepared this update.',
  update_pc_busy: 'Software was being installed on this PC all the time.',
  update_file_changed: 'The file of the new version was changed after it had been fetched.',
  update_other_version: 'The downloaded program reports version {found}, not {version}.',
  update_does_not_start: 'The new version does not start here (exit code {exit_code}).',
  update_does_not_start_saying: 'The new version does not start here: {line}.',
  update_cannot_use_state:
    'The new version cannot use the state that this one has written (exit code {exit_code}).',
  update_cannot_use_state_saying:
    'The new version cannot use the state that this one has written: {line}.',
  update_test_stopped: 'The new version does not start here, or its test did not end in time.',
} as const

/**
 * English texts that stand alone: results of targets, refusals, pauses and previews. The key is the code on the wire, the
 * placeholders are its parameters. The console shows the same texts (renderer/ui/messages.en.ts). Syntax: templates.ts.
 */

import { CHECK } from './check.en.ts'
import { FETCHES } from './fetches.en.ts'
import { RESTART_REFUSALS, RESTARTS } from './restarts.en.ts'
import { UPDATE_OBSTACLES, UPDATES } from './updates.en.ts'

/** How the controller ends a target. */
const CONTROLLER = {
  offline: '{device} is offline.',
  not_online_in_time:
    '{device} did not come online within {n} minute. | {device} did not come online within {n} minutes.',
  no_sign_of_life:
    '{device} has not responded for {n} minute. If it reports a result later, the result is recorded here. | {device} has not responded for {n} minutes. If it reports a result later, the result is recorded here.',
  no_result_in_time: '{device} did not report a result in time.',
  command_not_taken: 'The agent on {device} did not accept the command in time.',
  device_gone: '{device} was removed or blocked.',
  device_gone_meanwhile:
    '{device} was removed or blocked before it reported a result, so the result is unknown.',
  device_reinstalled: 'The PC was reinstalled.',
  attempt_forgotten: 'The agent has no record of this attempt, so the result is unknown.',
  agent_lacks_rule:
    'The agent on {device} is too old for the detection rule of this software ({rule}). Update the agent under PCs, then retry.',
  canceled: 'Cancelled before it started.',
  no_installer: 'There is no installer for the platform of {device}.',
  dependency_missing: 'It depends on {software}, which was not installed on {device}.',
  file_damaged:
    'The controller’s copy of the file is damaged. Upload it again under Software, then retry.',
  file_missing:
    'The file is missing on the controller. Upload it again under Software, then retry.',
  secrets_lost:
    'The secrets in its arguments can no longer be decrypted. Enter them again under Software, then retry.',
  package_not_fetched: 'The controller could not fetch the package.',
  ...FETCHES,
  /** `problem` is what the inspection of the file found, or a text of an earlier version. */
  package_not_fetched_because: '{problem}',
  held_on_battery: 'Waiting: the PC is on battery power.',
  held_on_metered: 'Waiting: the PC is on a metered network.',
  on_battery_too_long:
    '{device} was on battery power for {n} minute. Plug it in and retry, or allow work on battery power in the settings. | {device} was on battery power for {n} minutes. Plug it in and retry, or allow work on battery power in the settings.',
  on_metered_too_long:
    '{device} was on a metered network for {n} minute. Connect it to another network and retry, or allow metered networks in the settings. | {device} was on a metered network for {n} minutes. Connect it to another network and retry, or allow metered networks in the settings.',
} as const

/** How an attempt ends on a PC before its installer, or without one. */
const AGENT = {
  already_installed: 'Already installed: the detection rule finds the software.',
  nothing_to_remove: 'Nothing to remove: the detection rule does not find the software.',
  canceled_on_pc: 'Cancelled before the installer was started.',
  disk_space: 'Not enough free disk space: {needed} MiB are needed, {free} MiB are free.',
  state_folder_unusable: 'The agent cannot work in its state folder: {error}',
  agent_failed: 'The agent failed: {error}',
  supervisor_ended: 'The installer was not started: its supervisor ended too early, several times.',
  installer_not_found:
    'The installer could not be started: its file, or the program that runs it, does not exist.',
  installer_not_executable: 'The installer could not be started: this PC does not allow it to run.',
  installer_needs_rights: 'The installer could not be started: the agent lacks permission.',
  installer_not_a_program:
    'The installer could not be started: it is not a program for this system.',
  installer_not_started: 'The installer could not be started.',
  url_invalid: 'The address of the package is not valid: {url}',
  address_refused:
    'The package is not fetched from {host}: it leads to this PC, or to an address that no server on the LAN or the Internet can have.',
  redirect_refused:
    'The package is not fetched: {host} redirects to an address that cannot be used.',
  too_many_redirects: 'The package is not fetched: {host} redirects too often.',
  fetch_refused: 'The package could not be fetched: the server answered {answer}.',
  size_differs: 'The package has {bytes} bytes, not {announced} as expected.',
  package_too_long: 'The package is longer than expected.',
  hash_differs: 'The package does not match its SHA-256: expected {announced}, received {found}.',
  disk_full: 'The disk is full: the package could not be stored.',
  no_room: 'There is not enough space for it in {folder}.',
  package_not_stored: 'The package could not be stored: {error}',
  archive_disk_full: 'The disk became full while the archive was extracted.',
  archive_unreadable: 'The archive cannot be extracted: {error}.',
  deb_unreadable: 'The file is not a readable .deb package.',
  deb_bad_name: 'The package has a name that dpkg does not accept.',
  deb_removal_needs_name: 'Removing a .deb package needs its name in the detection rule.',
  rpm_unreadable: 'The file is not an .rpm package.',
  rpm_removal_needs_name: 'Removing an .rpm package needs its name in the detection rule.',
  packages_locked:
    'Another program is installing or removing software on this PC, and did not finish in time: {program} holds {file}.',
  effects_unknown:
    'Nothing was changed: {tool} did not say in time which other packages this would change.',
  deb_needs_root: 'A .deb package needs root: run the agent as root on this PC.',
  rpm_needs_root: 'An .rpm package needs root: run the agent as root on this PC.',
  appimage_needs_root: 'An AppImage for all users needs root: run the agent as root on this PC.',
  tool_missing: 'This PC has no {tool}: it cannot install .{kind} packages.',
  appimage_bad_name: 'The AppImage has no usable file name.',
  wrong_system: 'A .{kind} installer does not run on {system}.',
  script_removal: 'A shell script has no uninstaller.',
  archive_removal:
    'An archive is removed by the file in it that was named for that, or by the package that its detection rule names.',
  macos_removal: 'macOS packages have no uninstaller.',
  kind_not_removable: 'Installers of this kind cannot remove what they installed.',
  windows_removal_needs_rule:
    'Removing needs a detection rule that is a product code or an entry under Installed apps.',
  registry_entry_missing: 'The registry entry of this software does not exist.',
  no_quiet_uninstaller:
    'The registry entry of this software names no way to remove it without a window (QuietUninstallString).',
  cmd_argument: 'An argument contains a character that cmd.exe interprets.',
} as const

/** Why an agent refuses a command. */
export const REFUSALS = {
  command_mismatched: 'The signed command does not belong to {event}.',
  attempt_unknown: 'This agent has no record of the attempt.',
  pc_on_battery: 'This PC is on battery power.',
  pc_on_metered: 'This PC is on a metered network.',
  pc_restarting: 'This PC is about to restart to complete an installation.',
  kind_unsupported: 'This PC does not run .{kind} installers.',
  agent_restarting: 'The agent is about to restart for an update.',
  too_many_attempts: 'Too many attempts are waiting on this PC.',
  command_not_stored: 'The command could not be stored: {error}',
  envelope_unreadable: 'The command has no readable envelope.',
  key_unknown: 'The command is signed with a key that this agent does not know.',
  signature_invalid: 'The signature of the command is not valid.',
  command_unreadable: 'The signed command cannot be read.',
  wrong_device: 'The command is for device {device}.',
  replayed: 'The sequence of the command, {sequence}, is not above {last}.',
  update_for_other_pc: '{file} is not for this PC.',
  update_not_newer: 'Version {version} is not newer than {own}.',
  update_rolled_back: 'Version {version} was rolled back on this PC too often.',
  update_under_way: 'The agent is changing to version {version}.',
  order_not_stored: 'The order could not be stored: {error}',
  records_lost:
    'This agent has lost records, and the controller has not reported yet which commands are old.',
  ...UPDATE_OBSTACLES,
  ...RESTART_REFUSALS,
} as const

const PAUSES = {
  paused_by: 'Paused by {user}.',
  too_many_failed: '{failed} of {executed} failed ({share}%); the failure threshold is {limit}%.',
} as const

const PREVIEWS = {
  will_restart: 'It is about to restart for another deployment; this one follows.',
  will_lack_installer: '{software} has no installer for {platform} {arch}. Add one under Software.',
  is_installed: '{software} is already installed.',
  is_not_installed: '{software} is not installed.',
  removal_needs_windows_rule:
    '{software} cannot be removed: its detection rule is neither a product code nor an entry in the list of installed programs.',
  removal_needs_package:
    '{software} cannot be removed: its detection rule does not name the package.',
  removal_needs_file:
    '{software} cannot be removed: no file in its archive was chosen to remove it.',
  removal_impossible:
    '{software} cannot be removed: installers of this kind cannot remove what they installed.',
  disk_too_full: 'The disk is too full. Free some space on it first.',
  will_lack_rule:
    'Its agent is too old for the detection rule of {software} ({rule}). Update the agent under PCs.',
  not_approved: 'It is blocked or not approved. Approve it under PCs.',
  waits_on_battery:
    'On battery power: waits up to {n} minute for the PC to be plugged in. You can allow work on battery power in the settings. | On battery power: waits up to {n} minutes for the PC to be plugged in. You can allow work on battery power in the settings.',
  waits_on_metered:
    'On a metered network: waits up to {n} minute for another network. You can allow metered networks in the settings. | On a metered network: waits up to {n} minutes for another network. You can allow metered networks in the settings.',
  busy_with_another: 'Another deployment is running on it; this one follows.',
  ready_needs_restart:
    'Online and free, but a restart is pending. Some installers refuse to run until the PC has restarted.',
  ready_for_one_user:
    'Online and free, but {software} installs for one user: run by the agent, it lands in a profile that nobody uses. Its entry under Software says more.',
  ready_address_for_one_user:
    'Online and free, but what was last fetched from the address of {software} installs for one user: run by the agent, it lands in a profile that nobody uses. Look for an installer for the whole PC, or for an argument that makes it one.',
  ready: 'Online and free.',
  connecting: 'Its agent is expected to connect any moment.',
  offline_waits: 'Offline; waits up to {n} minutes for it.',
  offline_fails: 'Offline. Switch it on, or let the deployment wait for it.',
} as const

export const PLAIN = {
  ...CONTROLLER,
  ...AGENT,
  ...REFUSALS,
  ...PAUSES,
  ...PREVIEWS,
  ...RESTARTS,
  ...UPDATES,
  ...CHECK,
} as const

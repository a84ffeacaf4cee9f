/** English texts that are parts of others: sentences about an installer's end, and the causes within them. */

import { FOUND_BESIDES, WITHOUT_DATABASE } from './check.en.ts'

/** Known causes of a tool's failure, found in its output. */
export const CAUSES = {
  cause_busy:
    'Another program is installing or removing software on this PC, and did not finish in time.',
  cause_disk_full: 'A disk of this PC is full. Free some space on it, then retry.',
  cause_read_only: 'A folder that it has to write to is mounted read-only.',
  cause_on_hold:
    'The package is on hold on this PC. Release it with `apt-mark unhold`, then retry.',
  cause_dpkg_interrupted:
    'An earlier installation was interrupted on this PC. Run `dpkg --configure -a` there, then retry.',
  cause_dpkg_too_old:
    'The dpkg of this PC is too old for the compression of this package ({compression}). Use a package made for its release, or one that is compressed with xz.',
  cause_wrong_arch: 'The package is made for {made_for}, and this PC is {this_pc}.',
  cause_file_taken: 'The file {file} belongs to the installed package {package}.',
  cause_script_failed: 'The {script} script of {package} failed with exit status {status}.',
  cause_newer_installed: 'A newer version is installed on this PC.',
  cause_essential_removed: 'It would remove packages that the system needs.',
  cause_others_removed:
    'It would remove other software from this PC, which this deployment does not allow.',
  cause_sources_unreachable:
    'Packages that it needs could not be fetched: this PC does not reach its package sources.',
  cause_dependencies: 'Packages that it needs are missing on this PC, or have another version.',
  cause_needs_root: 'It needs root.',
  cause_rpm_too_old: 'The rpm of this PC is too old for this package: it lacks {feature}.',
  cause_rpm_dependencies: 'Packages are missing on this PC, or are needed by others.',
  cause_newer_package: 'A newer version is installed on this PC: {package}.',
  cause_file_conflict: 'One of its files belongs to the installed package {package}.',
  cause_other_system: 'The package is made for another kind of PC.',
  cause_rpm_compression: 'The rpm of this PC does not support the compression of this package.',
  cause_rpm_script: "A script of the package failed ({'%'}{script}, status {status}).",
} as const

/** Why the last try of a download failed. */
export const PROBLEMS = {
  problem_answer: 'the server answered {answer}',
  problem_other_part: 'the server sent another part than the one requested',
  problem_silence: 'no data arrived for {seconds} s',
  problem_ended: 'the connection ended after {bytes} of {announced} bytes',
  problem_continued: 'the resumed package did not match its SHA-256',
  problem_other: '{error}',
} as const

/** Why an archive cannot be extracted. They continue "The archive …: ". */
export const ARCHIVE_PROBLEMS = {
  archive_entry_unnamed: 'the command does not name the file to run',
  archive_entry_missing: 'it contains no file {name}',
  archive_name_taken: 'it contains two entries of the same name',
  archive_name_twice: 'it contains two entries of the same name ({name} occurs twice)',
  archive_name_same:
    'it contains two entries of the same name ({name} occurs twice, or in two spellings that are the same on {system})',
  archive_name_clash: 'it contains {name} both as a folder and as something else',
  archive_name_outside: 'a name in it leads out of it ({name})',
  archive_name_empty: 'a file in it has no name',
  archive_name_refused: '{system} does not allow the name {name}',
  archive_name_too_long: 'the name {name} in it is too long for {system}',
  archive_links: 'it contains links',
  archive_link_target: 'a link in it has no target, or one that is too long ({name})',
  archive_link_too_long: 'a link in it is too long',
  archive_link_outside: 'a link in it leads out of it ({name})',
  archive_hard_link: 'a hard link in it does not name an earlier file ({name})',
  archive_not_a_file: 'it contains an entry that is not a file ({name})',
  archive_too_many_files: 'it contains more than {limit} files',
  archive_longer: 'it contains more than when it was uploaded',
  archive_has_password: 'it is protected by a password',
  archive_not_zip: 'it is not a readable zip archive ({error})',
  archive_damaged: 'it is damaged ({error})',
} as const

/** Sentences whose keys are codes on the wire, followed by others. */
export const HEADS = {
  installed: 'Installed.',
  removed: 'Removed.',
  installed_restart: 'Installed. A restart of this PC completes it (exit code {exit_code}).',
  removed_restart: 'Removed. A restart of this PC completes it (exit code {exit_code}).',
  installed_despite_timeout:
    'Installed: the installer was stopped after its timeout of {seconds} s, but the detection rule finds the software.',
  removed_despite_timeout:
    'Removed: the uninstaller was stopped after its timeout of {seconds} s, but the detection rule does not find the software.',
  installed_despite_interruption:
    'Installed: the installer was interrupted and its exit code is not known, but the detection rule finds the software.',
  removed_despite_interruption:
    'Removed: the uninstaller was interrupted and its exit code is not known, but the detection rule does not find the software.',
  installed_despite_signal:
    'Installed: the installer was ended by {signal}, but the detection rule finds the software.',
  removed_despite_signal:
    'Removed: the uninstaller was ended by {signal}, but the detection rule does not find the software.',
  installed_despite_exit_code:
    'Installed: the installer failed with exit code {exit_code} ({meaning}), but the detection rule finds the software.',
  removed_despite_exit_code:
    'Removed: the uninstaller failed with exit code {exit_code} ({meaning}), but the detection rule does not find the software.',
  timed_out: 'The installer was stopped after its timeout of {seconds} s.',
  interrupted: 'The installer was interrupted and its exit code is not known.',
  ended_by_signal: 'The installer was ended by {signal}.',
  not_detected:
    'The installer reported success (exit code {exit_code}), but the detection rule does not find the software.',
  still_detected:
    'The installer reported success (exit code {exit_code}), but the detection rule finds the software.',
  installer_failed: 'The installer failed with exit code {exit_code}: {meaning}.',
  removal_failed: 'The removal failed with exit code {exit_code}: {meaning}.',
  dpkg_cannot_read: 'dpkg-deb cannot read the package on this PC.',
  archive_refused: 'The archive is not extracted: {why}.',
  fetch_failed: 'The package could not be fetched in {tries} tries: {why}.',
  refused: 'The agent refused the command: {why}',
  ...WITHOUT_DATABASE,
  withdrawal_refused: 'It could not be withdrawn yet: {why}',
} as const

export const PARTS = {
  ...FOUND_BESIDES,
  unknown_signal: 'an unknown signal',
  package_asks_restart: 'The package requests a restart of this PC.',
  partly: 'Not all of it worked: {why}',
  exit_code: 'Exit code {exit_code}.',
  rule_unchecked: 'The detection rule could not be checked on this PC.',
  for_one_user:
    'It installs for one user: run by the agent, it landed in a profile that nobody uses. Look for an installer for the whole PC, or for an argument that makes it one.',
  rule_finds: 'The detection rule finds the software.',
  rule_finds_not: 'The detection rule does not find the software.',
  rule_unknown: 'Check the software on this PC before you try again.',
  left_running: 'Programs that it started were still running.',
  it_said: 'It reported: “{line}”.',
  it_said_nothing: 'It reported no reason.',
  and_more: '{names} and {n} more',
  also_removed: 'It also removed {removed}.',
  also_downgraded: 'It also downgraded {downgraded}.',
  also_both: 'It also removed {removed} and downgraded {downgraded}.',
  perhaps_removed: 'It may also have removed {removed}.',
  perhaps_downgraded: 'It may also have downgraded {downgraded}.',
  perhaps_both: 'It may also have removed {removed} and downgraded {downgraded}.',
  would_removed:
    'Nothing was changed: this would remove {removed} on this PC. Allow it in the deployment if this is intended.',
  would_downgraded:
    'Nothing was changed: this would downgrade {downgraded} on this PC. Allow it in the deployment if this is intended.',
  would_both:
    'Nothing was changed: this would remove {removed} and downgrade {downgraded} on this PC. Allow it in the deployment if this is intended.',
  would_also_removed:
    'Nothing was changed: this would also remove {removed} on this PC. Allow it in the deployment if this is intended.',
  would_also_downgraded:
    'Nothing was changed: this would also downgrade {downgraded} on this PC. Allow it in the deployment if this is intended.',
  would_also_both:
    'Nothing was changed: this would also remove {removed} and downgrade {downgraded} on this PC. Allow it in the deployment if this is intended.',
} as const

/** English sentences of the check of the controller; see plain.en.ts. What was found, and what to do about it. */

/** Followed by what the folder contains. */
export const WITHOUT_DATABASE = {
  check_database_missing: 'The database {file} is missing, but its folder contains {list}.',
  check_database_empty: 'The database {file} is empty, but its folder contains {list}.',
  check_database_blank: 'The database {file} contains no data, but its folder contains {list}.',
} as const

export const FOUND_BESIDES = {
  found_keys: 'keys',
  found_packages: 'packages',
  found_log: 'a log of the database',
  found_copies: 'copies of the database',
  found_traces: 'traces of an earlier database',
  item_comma: '{item},',
  item_and: '{item} and',
} as const

const DATABASE = {
  check_database_damaged: 'The database {file} is damaged.',
  check_sqlite_reports: 'SQLite reports: {error}',
  check_database_foreign: 'The file {file} is a database of another program.',
  check_database_newer: 'The database {file} was made by a newer version of DeployX.',
  check_database_busy: 'Another program has locked the database {file}, so it was not checked.',
  check_log_missing:
    'The log of the database, {file}, is missing or empty: the latest changes are lost with it.',
  check_log_unreadable:
    'The log of the database, {file}, is damaged: the latest changes are lost with it.',
  check_log_cut:
    'The log of the database, {file}, is cut off or damaged in the middle: the latest changes are lost with it.',
  check_database_other: 'The file {file} is not the last database of this folder.',
  check_database_older: 'The database {file} is older than the last database of this folder.',
  cure_restore_recovery_file:
    'To restore a recovery file, start with --start-over (it moves the old files aside and deletes none) and choose Restore on the first screen.',
  cure_copy_backup: 'Copy {backup} to {file} and start with --accept-older-database.',
  cure_restore_database: 'Restore the database file along with its -wal file.',
  cure_accept_older: 'To continue with the current database, start with --accept-older-database.',
  cure_database_moves: 'The next start moves it aside and deletes nothing.',
  cure_put_back: 'Put the right file back.',
  cure_put_back_or_choose: 'Put the right file back, or choose another folder with --data.',
  cure_install_newer: 'Install that version again.',
  cure_wait_for_program:
    'Wait until that program (a backup, a virus scanner) is done, then check again.',
} as const

const KEYS = {
  check_key_missing: 'The key file {file} is missing.',
  check_key_empty: 'The key file {file} is empty.',
  check_key_damaged: 'The key file {file} is damaged.',
  check_key_unreadable: 'The key file {file} may not be read by this user.',
  check_key_foreign: 'The key file {file} does not belong to this controller.',
  check_keys_of_another: 'The keys in {file} are not the last keys of this controller.',
  check_keystore_file_missing:
    'The file {file}, which decrypts the sealed keys, is missing or empty.',
  check_recovery_key_unusable: 'The recovery key in {file} is missing or damaged.',
  check_key_repairable: 'The file {file} is damaged and can be created again.',
  check_key_replaceable: 'The key file {file} is missing or damaged.',
  check_keys_next_incomplete: 'The folder {file} contains an incomplete key change.',
  cure_put_key_back: 'Put the right file back: without it no PC accepts this controller.',
  cure_put_own_key_back: 'Put the right file back: no PC would accept this one.',
  cure_put_keys_back: 'Put the right folder back: no PC would accept these keys.',
  cure_run_as_owner:
    'Run DeployX as the user that owns the data folder, or give the file back to this user.',
  cure_recovery_key:
    'Everything works, but no recovery file can be saved. Put the file back from a backup, and keep the last recovery file.',
  cure_key_is_repaired: 'The next start moves it aside and creates it again.',
  cure_key_is_replaced:
    'The next start creates a new one. Everybody has to sign in again, and downloads restart.',
  cure_arguments_key:
    'Put the right file back before the next start, which otherwise creates a new one. Secrets in the arguments of software then have to be entered again.',
  check_secrets_closed:
    'The key in {file} does not open the secrets in the arguments of {software}.',
  cure_secrets_closed: 'Put the right key file back, or enter the secrets again under Software.',
  cure_keys_next_moves: 'The next start moves it aside and keeps the current keys.',
} as const

const FOLDER = {
  check_folder_missing: 'The data folder {file} does not exist.',
  check_folder_foreign: '{file} belongs to another user.',
  check_folder_open: 'Other users of this computer can access {file}.',
  check_more_similar: '{n} more is similar. | {n} more are similar.',
  check_disk_left: 'The disk of the data folder {file} has {free} MiB left.',
  check_content_missing: 'The package in {file} is missing.',
  check_content_damaged: 'The package in {file} is damaged.',
  check_content_unreadable: 'The package in {file} cannot be read.',
  check_content_missing_of: 'The package of {software} in {file} is missing.',
  check_content_damaged_of: 'The package of {software} in {file} is damaged.',
  check_content_unreadable_of: 'The package of {software} in {file} cannot be read.',
  check_content_unknown: 'The database has no entry for the package in {file}.',
  check_content_aside:
    '{n} package without a database entry was moved to {file}. | {n} packages without a database entry were moved to {file}.',
  check_no_network:
    'This computer has no address on a network, so only agents on itself reach the controller.',
  check_part_failed: 'A part could not be checked: {error}.',
  check_no_room:
    'A part could not be checked: there is no room for a copy of the database in the temporary folder.',
  cure_set_folder: 'Set the right one with --data or DEPLOYX_DATA. A start creates a new one.',
  cure_own_folder:
    'Make the user that runs DeployX its owner, or choose another data folder. Otherwise the next start is refused.',
  cure_folder_is_closed: 'The next start of DeployX restricts it to this user.',
  cure_free_space:
    'Free some space on it: delete software that is no longer needed, or move other files away.',
  cure_upload_again: 'Upload the same installer again: it replaces the damaged file.',
  cure_check_permissions: 'Check the permissions and the disk, then check again.',
  cure_content_moves: 'The next start moves it to content.aside, where it is kept for 30 days.',
  cure_content_aside:
    'If software is missing, upload these files again. Each is removed 30 days after it was moved, by a database that is older than it.',
  cure_connect: 'Connect it to the network of the PCs.',
  cure_check_again: 'Remove the cause, then check again.',
} as const

export const CHECK = { ...DATABASE, ...KEYS, ...FOLDER } as const

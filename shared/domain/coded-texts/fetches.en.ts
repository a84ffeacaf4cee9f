/** English texts about packages that the controller cannot fetch; see plain.en.ts. */
export const FETCHES = {
  fetch_not_an_address: 'The address cannot be used: it is not an address.',
  fetch_not_http: 'The address cannot be used: only http and https addresses can be fetched.',
  fetch_has_credentials:
    'The address cannot be used: it contains a user name or password, which would end up in logs; use an address without.',
  fetch_names_no_host: 'The address cannot be used: it names no host.',
  fetch_address_refused:
    '{host} leads to this computer, or to an address that no server on the LAN or the Internet can have. Packages are not fetched from there.',
  fetch_redirects_too_often: 'The address redirects more than {limit} times, last to {url}.',
  fetch_redirects_nowhere: '{url} redirects without a valid address.',
  fetch_redirects_to_http: '{url} redirects from https to http, which is not followed.',
  fetch_answered: '{url} answered {status}.',
  fetch_no_answer: '{host} did not answer within {seconds} seconds.',
  fetch_name_unknown: 'The name {host} cannot be resolved ({error}).',
  fetch_certificate: 'The certificate of {host} is not trusted ({error}).',
  fetch_unreachable: '{host} could not be reached ({error}).',
  fetch_connection_failed: '{host} could not be reached.',
  fetch_interrupted: 'The download was interrupted before it was complete.',
  fetch_hash_differs: 'The received file is not the expected one: its SHA-256 is {found}.',
  fetch_too_large: 'The file is larger than {limit} MiB, which is the maximum.',
  fetch_too_large_for_disk:
    'The file system of the data folder does not support files of this size.',
  fetch_disk_full:
    'The disk that holds the data folder is full. Free some space on it, then try again.',
  fetch_inspection_busy: 'Too many files wait to be inspected. Try again.',
  fetch_harmful:
    'The controller ended while it inspected this package, so the package is not inspected again automatically. Try again if it was not the cause.',
  fetch_not_stored: 'The controller could not store the package. Its log has the details.',
  fetch_removed: '{software} was removed from the library.',
} as const

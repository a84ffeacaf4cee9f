/** Sentences for packages whose copy on the controller is at fault. */
export const FILE_DAMAGED =
  'The controller’s copy of the file is damaged. Upload it again under Software, then retry.'
export const FILE_MISSING =
  'The file is missing on the controller. Upload it again under Software, then retry.'
export const SECRETS_LOST =
  'The secrets in its arguments can no longer be opened. Enter them again under Software, then retry.'

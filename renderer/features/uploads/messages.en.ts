/** The English texts of the uploads feature. */
export const en = {
  archive: {
    question:
      'DeployX does not know which file in the archive to run. Choose one; the archive is then sent again.',
    platform: 'Platform',
    forWhichPcs: 'Choose the PCs’ system',
    label: 'File to run',
    chooseAFile: 'Choose a file',
    addLibrary: 'Add to the library',
    dismiss: 'Dismiss',
  },
  dropZone: {
    dropAddLibrary: 'Drop to add to the library',
    kinds: 'msi, exe, deb, rpm, pkg, dmg and scripts, with manifests that describe them',
  },
  readout: {
    text: 'In the library. Check what DeployX found in the file.',
    doubtful: 'In the library, but read the notes before you deploy it.',
    name: 'Name',
    version: 'Version',
    notFound: 'not found in the file',
    publisher: 'Publisher',
    saveChanges: 'Save changes',
    done: 'Done',
    keepWithoutSwitch: 'Keep without a silent switch',
  },
  arrival: {
    sameFile:
      'Already in the library: {software}, added {when}. This is a second entry, because its details differ.',
    sameFileOfOther:
      'Already in the library: {software}, added {when} by {who}. This is a second entry, which is your own.',
    sameFileRenamed:
      'Already in the library: {software}, added {when}. This is a second entry, because this file has another name.',
    someone: 'another user',
    newer: 'A newer version of {software}. The library lists the older one under it.',
    older: 'The library already has a newer version: {software}. It lists this one under it.',
    same: 'The library already has this version from another file: {software}.',
    open: 'Open {software}',
    discard: 'Remove this second entry',
  },
  sheet: {
    existing: 'Already in the library: {software}, added {when}',
    openExisting: 'Open',
    toCheck: '{n} file to check | {n} files to check',
    queued: 'waiting for the previous upload',
    reading: 'inspecting',
    titleOf: 'Add software ({n})',
    addSoftware: 'Add software',
    isBackToast: 'The file was restored',
    existingToast: 'Already in the library',
    secondToast: 'Already in the library: {software}. This is a second entry.',
    addedToast: 'Added to the library',
    details: 'Details',
    description: 'Uploads of installers and what was found in them',
    isBack: 'was restored',
    dismiss: 'Dismiss',
    cancel: 'Cancel',
    tryAgain: 'Try again',
    inspecting: 'inspecting',
  },
} as const

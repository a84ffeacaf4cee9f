/** The English texts of the uploads feature. */
export const en = {
  archive: {
    question:
      'DeployX cannot tell which file in the archive to run. Choose one; the archive is then sent again.',
    platform: 'Platform',
    forWhichPcs: 'Choose the PCs’ system',
    label: 'File to run',
    chooseAFile: 'Choose a file',
    addLibrary: 'Add to the library',
    dismiss: 'Dismiss',
  },
  dropZone: {
    dropAddLibrary: 'Drop to add to the library',
    kinds: 'msi, exe, deb, rpm, pkg, dmg and scripts',
  },
  readout: {
    text: 'In the library. Check what DeployX found in the file.',
    name: 'Name',
    version: 'Version',
    notFound: 'not found in the file',
    publisher: 'Publisher',
    saveChanges: 'Save changes',
    done: 'Done',
    keepWithoutSwitch: 'Keep without a silent switch',
  },
  sheet: {
    existing: 'Already in the library: {software}',
    queued: 'waiting for the previous upload',
    reading: 'inspecting',
    titleOf: 'Add software ({n})',
    addSoftware: 'Add software',
    isBackToast: 'The file was restored',
    existingToast: 'Already in the library',
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

/** Audit actions (`deployment.created`) as people read them: "Deployment created". */
export function actionInWords(action: string): string {
  const words = action.replace(/[._]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** The live page of a deployment. */
import { expect, type Locator, type Page } from '@playwright/test'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { TargetState } from '#shared/domain/target-state.ts'

const END_LIMIT_MS = 90_000

/** The id of the deployment that the page shows. */
export const deploymentIdOf = (page: Page): DeploymentId =>
  Number(/#\/deployments\/(\d+)/.exec(page.url())![1]) as DeploymentId

export async function expectStatus(
  page: Page,
  status: DeploymentState,
  limitMs = END_LIMIT_MS,
): Promise<void> {
  await expect(page.getByTestId('deployment-status')).toHaveAttribute('data-status', status, {
    timeout: limitMs,
  })
}

export const targetRow = (page: Page, device: string, software?: string): Locator =>
  page.locator(
    `[data-testid=target-row][data-device-name="${device}"]` +
      (software === undefined ? '' : `[data-software-name="${software}"]`),
  )

export async function expectTarget(
  page: Page,
  device: string,
  status: TargetState,
  limitMs = END_LIMIT_MS,
): Promise<void> {
  await expect(targetRow(page, device)).toHaveAttribute('data-status', status, { timeout: limitMs })
}

/** Opens the slide-over of a target and returns it. */
export async function openTarget(page: Page, device: string): Promise<Locator> {
  await targetRow(page, device).getByTestId('target-open-output').click()
  const sheet = page.getByTestId('target-sheet')
  await expect(sheet.getByTestId('target-output')).toBeVisible()
  return sheet
}

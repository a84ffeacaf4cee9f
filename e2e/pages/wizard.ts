import { expect, type Locator, type Page } from '@playwright/test'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { deploymentIdOf } from './deployment.ts'
import { goTo } from './shell.ts'

export async function openWizard(page: Page): Promise<void> {
  await goTo(page, 'deployments')
  // Both the header and the empty list have this button.
  await page.getByTestId('new-deployment').first().click()
  await expect(page.getByTestId('wizard-next')).toBeVisible()
}

export const softwareItem = (page: Page, name: string): Locator =>
  page.locator(`[data-testid=wizard-software-item][data-software-name="${name}"]`)
export const deviceItem = (page: Page, name: string): Locator =>
  page.locator(`[data-testid=wizard-device-item][data-device-name="${name}"]`)

export const next = (page: Page): Promise<void> => page.getByTestId('wizard-next').click()

/** The targets in the review with this expected outcome. */
export const preflightGroup = (
  page: Page,
  outcome: 'ready' | 'will_wait' | 'will_skip' | 'will_fail',
): Locator => page.getByTestId(`preflight-${outcome}`)

export type Plan = { name: string; software: readonly string[]; devices: readonly string[] }

/** Goes through the wizard up to its third step: name and strategy. */
export async function planUpToStrategy(page: Page, plan: Plan): Promise<void> {
  await openWizard(page)
  for (const name of plan.software) await softwareItem(page, name).click()
  await next(page)
  for (const name of plan.devices) await deviceItem(page, name).click()
  await next(page)
  await page.getByTestId('wizard-name').fill(plan.name)
}

/** Goes through the wizard up to its last step. */
export async function planUpToReview(page: Page, plan: Plan): Promise<void> {
  await planUpToStrategy(page, plan)
  await toReview(page)
}

/** Goes from the third step to the last. */
export async function toReview(page: Page): Promise<void> {
  await next(page)
  await expect(page.getByTestId('preflight')).toBeVisible()
}

/** Goes through the wizard and on to the live page. */
export async function deploy(page: Page, plan: Plan): Promise<DeploymentId> {
  await planUpToReview(page, plan)
  return await start(page)
}

/** Goes from the last step to the live page. */
export async function start(page: Page): Promise<DeploymentId> {
  await page.getByTestId('wizard-deploy').click()
  await expect(page).toHaveURL(/#\/deployments\/\d+$/)
  return deploymentIdOf(page)
}

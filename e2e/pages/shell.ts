/** What surrounds every page: the way to others, and the hub's pulse at the foot. */
import { expect, type Locator, type Page } from '@playwright/test'

export type Place =
  'dashboard' | 'deployments' | 'devices' | 'groups' | 'software' | 'audit' | 'settings'

export async function goTo(page: Page, place: Place): Promise<void> {
  await page.getByTestId(`nav-${place}`).click()
  const route = place === 'dashboard' ? /#\/$/ : new RegExp(`#/${place}$`)
  await expect(page).toHaveURL(route)
}

export const hubFoot = (page: Page): Locator => page.getByTestId('hub-foot')

/** Closes the slide-over that is open. */
export async function closeSheet(page: Page): Promise<void> {
  await page.getByTestId('sheet-close').click()
  await expect(page.getByTestId('sheet-close')).toHaveCount(0)
}

/** What surrounds every page: the navigation, and the hub's status at the bottom. */
import { expect, type Locator, type Page } from '@playwright/test'

export type Place =
  'dashboard' | 'deployments' | 'devices' | 'groups' | 'software' | 'audit' | 'settings'

export async function goTo(page: Page, place: Place): Promise<void> {
  await page.getByTestId(`nav-${place}`).click()
  const route = place === 'dashboard' ? /#\/$/ : new RegExp(`#/${place}$`)
  await expect(page).toHaveURL(route)
}

export const hubFoot = (page: Page): Locator => page.getByTestId('hub-foot')

/** Closes the open slide-over, once the one before it has slid out of the way. */
export async function closeSheet(page: Page): Promise<void> {
  await expect(page.getByTestId('sheet-close')).toHaveCount(1)
  await page.getByTestId('sheet-close').click()
  await expect(page.getByTestId('sheet-close')).toHaveCount(0)
}

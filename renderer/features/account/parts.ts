/** Components of the account feature that other features may import. */
export { default as ChangePasswordPage } from './ChangePasswordPage.vue'
export { default as NewPasswordFields } from './NewPasswordFields.vue'
export { default as SetupPage } from './SetupPage.vue'
export { default as SignInPage } from './SignInPage.vue'
